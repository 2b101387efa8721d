#include "common/aws/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/aws/kinesis_shapes.h"

namespace millrace::aws {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

json::Value Parse(std::string_view text) {
  auto value = json::ParseJson(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *std::move(value) : json::Value();
}

// "" where the input is good.
std::string Refusal(std::string_view operation, json::Value input,
                    Protocol protocol = Protocol::kJson) {
  auto error = ValidateInput(KinesisInputShape(operation), protocol, input);
  if (!error) return "";
  EXPECT_EQ(error->http_status, 400);
  return error->type + ": " + error->message;
}

struct Row {
  std::string_view operation;
  std::string_view input;
  std::string refusal;
};

std::string One(std::string text) {
  return "ValidationException: 1 validation error detected: Value " + std::move(text);
}
std::string Unserializable(std::string text) {
  return "SerializationException: " + std::move(text);
}

TEST(Validation, ConstraintsAreRefusedInTheWordsOfAws) {
  std::string name_pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
  std::vector<Row> rows = {
      {"DescribeStreamSummary", R"({"StreamName":"orders"})", ""},
      {"DescribeStreamSummary", R"({"StreamName":null,"Unknown":[1]})", ""},
      {"DescribeStreamSummary", R"({"StreamName":"a b"})",
       One("'a b' at 'streamName' failed to satisfy constraint: " + name_pattern)},
      {"DescribeStreamSummary", R"({"StreamName":"a\n"})",
       One("'a\n' at 'streamName' failed to satisfy constraint: " + name_pattern)},
      {"DescribeStreamSummary", R"({"StreamName":""})",
       "ValidationException: 2 validation errors detected: Value '' at 'streamName' failed to "
       "satisfy "
       "constraint: " +
           name_pattern +
           "; Value '' at 'streamName' failed to satisfy constraint: Member must have length "
           "greater "
           "than or equal to 1"},
      {"DescribeStreamSummary", R"({"StreamARN":"arn:aws:s3:::bucket"})",
       One(R"('arn:aws:s3:::bucket' at 'streamARN' failed to satisfy constraint: Member must satisfy )"
           R"(regular expression pattern: arn:aws.*:kinesis:.*:\d{12}:stream/\S+)")},
      {"GetShardIterator", R"({"StreamName":"s","ShardId":"shardId-0","ShardIteratorType":"x"})",
       One("'x' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum "
           "value "
           "set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]")},
      {"GetShardIterator", "{}",
       "ValidationException: 2 validation errors detected: Value null at 'shardId' failed to "
       "satisfy "
       "constraint: Member must not be null; Value null at 'shardIteratorType' failed to satisfy "
       "constraint: Member must not be null"},
      {"GetShardIterator",
       R"({"ShardId":"s","ShardIteratorType":"LATEST","StartingSequenceNumber":"01"})",
       One("'01' at 'startingSequenceNumber' failed to satisfy constraint: Member must satisfy "
           "regular "
           R"(expression pattern: 0|([1-9]\d{0,128}))")},
      {"GetRecords", R"({"ShardIterator":"a","Limit":10001})",
       One("'10001' at 'limit' failed to satisfy constraint: Member must have value less than or "
           "equal "
           "to 10000")},
      {"GetRecords", R"({"ShardIterator":"a","Limit":0})",
       One("'0' at 'limit' failed to satisfy constraint: Member must have value greater than or "
           "equal "
           "to 1")},
      {"CreateStream", R"({"StreamName":"s","StreamModeDetails":{}})",
       One("null at 'streamModeDetails.streamMode' failed to satisfy constraint: Member must not "
           "be "
           "null")},
      {"PutRecords", R"({"StreamName":"s","Records":[]})",
       One("'[]' at 'records' failed to satisfy constraint: Member must have length greater than "
           "or "
           "equal to 1")},
      {"PutRecords", R"({"StreamName":"s","Records":[{"Data":"","PartitionKey":""}]})",
       One("'' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must have "
           "length greater than or equal to 1")},
      {"PutRecords",
       R"({"StreamName":"s","Records":[{"Data":"","PartitionKey":"k"},{"PartitionKey":"k"}]})",
       One("null at 'records.2.member.data' failed to satisfy constraint: Member must not be "
           "null")},
      {"PutRecords", R"({"StreamName":"s","Records":[null]})",
       One("null at 'records.1.member' failed to satisfy constraint: Member must not be null")},
      {"AddTagsToStream", R"({"StreamName":"s","Tags":{}})",
       One("'{}' at 'tags' failed to satisfy constraint: Member must have length greater than or "
           "equal "
           "to 1")},
      {"AddTagsToStream", R"({"StreamName":"s","Tags":{"a":"1","":"2"}})",
       One("'{a=1, =2}' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: "
           "[Member must have length less than or equal to 128, Member must have length greater "
           "than "
           "or equal to 1]")},
      {"AddTagsToStream", R"({"StreamName":"s","Tags":{"a":null}})",
       One("'{a=null}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: "
           "[Member must have length less than or equal to 256, Member must have length greater "
           "than "
           "or equal to 0]")},
      {"RemoveTagsFromStream", R"({"StreamName":"s","TagKeys":["a",""]})",
       One("'[a, ]' at 'tagKeys' failed to satisfy constraint: Member must satisfy constraint: "
           "[Member "
           "must have length less than or equal to 128, Member must have length greater than or "
           "equal "
           "to 1]")},
      {"EnableEnhancedMonitoring", R"({"StreamName":"s","ShardLevelMetrics":["Bytes"]})",
       One("'[Bytes]' at 'shardLevelMetrics' failed to satisfy constraint: Member must satisfy "
           "constraint: [Member must satisfy enum value set: [IncomingBytes, IncomingRecords, "
           "OutgoingBytes, OutgoingRecords, WriteProvisionedThroughputExceeded, "
           "ReadProvisionedThroughputExceeded, IteratorAgeMilliseconds, ALL]]")},
      {"DescribeStreamConsumer",
       R"({"ConsumerARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s/consumer/c:1"})", ""},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Refusal(row.operation, Parse(row.input)), row.refusal) << row.operation << row.input;
  }
}

TEST(Validation, OtherTypesAreRefusedInTheWordsOfAws) {
  std::string list = "Start of list found where not expected";
  std::string structure = "Start of structure or map found where not expected.";
  std::string number = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
  std::vector<Row> rows = {
      {"DescribeStream", "[]", list},
      {"DescribeStream", "3", "Expected null"},
      {"DescribeStream", R"({"StreamName":3})", number + " can not be converted to an String"},
      {"DescribeStream", R"({"StreamName":34.5})", number + " can not be converted to an String"},
      {"DescribeStream", R"({"StreamName":true})",
       "class java.lang.Boolean can not be converted to an String"},
      {"DescribeStream", R"({"StreamName":[]})", list},
      {"DescribeStream", R"({"StreamName":{}})", structure},
      {"DescribeStream", R"({"Limit":"23"})",
       "class java.lang.String can not be converted to an Integer"},
      {"DescribeStream", R"({"Limit":false})",
       "class java.lang.Boolean can not be converted to an Integer"},
      {"DescribeStream", R"({"Limit":[]})", list},
      {"DeleteStream", R"({"EnforceConsumerDeletion":1})",
       number + " can not be converted to an Boolean"},
      {"DeleteStream", R"({"EnforceConsumerDeletion":"maybe"})",
       "'MAYBE' can not be converted to an Boolean"},
      {"PutRecord", R"({"Data":true})", "class java.lang.Boolean can not be converted to a Blob"},
      {"PutRecord", R"({"Data":23})", number + " can not be converted to a Blob"},
      {"PutRecord", R"({"Data":"23456"})",
       "'23456' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 "
       "bytes but found: 5"},
      {"PutRecord", R"({"Data":"=+/="})",
       "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"},
      {"PutRecord", R"({"Data":"+/+="})",
       "'+/+=' can not be converted to a Blob: Invalid last non-pad Base64 character dectected"},
      {"GetShardIterator", R"({"Timestamp":"now"})",
       "class java.lang.String can not be converted to milliseconds since epoch"},
      {"GetShardIterator", R"({"Timestamp":1e300})",
       number + " can not be converted to milliseconds since epoch"},
      {"PutRecords", R"({"Records":"x"})", "Expected list or null"},
      {"PutRecords", R"({"Records":{}})", structure},
      {"PutRecords", R"({"Records":[1]})", "Expected null"},
      {"PutRecords", R"({"Records":[[]]})", list},
      {"PutRecords", R"({"Records":[{"PartitionKey":1}]})",
       number + " can not be converted to an String"},
      {"AddTagsToStream", R"({"Tags":"x"})", "Expected map or null"},
      {"AddTagsToStream", R"({"Tags":[]})", list},
      {"AddTagsToStream", R"({"Tags":{"a":1}})", number + " can not be converted to an String"},
      {"CreateStream", R"({"StreamModeDetails":"ON_DEMAND"})", "Expected null"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Refusal(row.operation, Parse(row.input)), Unserializable(row.refusal))
        << row.operation << row.input;
  }
}

TEST(Validation, TheFirstWrongTypeOfTheInputWins) {
  EXPECT_EQ(Refusal("DescribeStream", Parse(R"({"Limit":"x","StreamName":1})")),
            Unserializable("class java.lang.String can not be converted to an Integer"));
  EXPECT_THAT(Refusal("DescribeStream", Parse(R"({"StreamName":1,"Limit":"x"})")),
              EndsWith("an String"));
}

TEST(Validation, ValuesGetTheTypeOfTheirMember) {
  json::Value input =
      Parse(R"({"StreamName":"s","Data":"AP8=","PartitionKey":null,"DryRun":"true"})");
  ASSERT_FALSE(ValidateInput(KinesisInputShape("PutRecord"), Protocol::kJson, input));
  EXPECT_EQ(input["Data"], json::Value(json::Blob{std::string("\0\xff", 2)}));
  EXPECT_EQ(input["DryRun"], json::Value(true));
  EXPECT_FALSE(input.Has("PartitionKey"));

  input =
      Parse(R"({"ShardId":"s","ShardIteratorType":"AT_TIMESTAMP","Timestamp":1795262400.1234})");
  ASSERT_FALSE(ValidateInput(KinesisInputShape("GetShardIterator"), Protocol::kJson, input));
  EXPECT_EQ(input["Timestamp"], json::Value(json::Timestamp{1795262400123}));

  input = Parse(R"({"ShardIterator":"s","Limit":7.9})");
  ASSERT_FALSE(ValidateInput(KinesisInputShape("GetRecords"), Protocol::kJson, input));
  EXPECT_EQ(input["Limit"], json::Value(7));
}

TEST(Validation, NumbersBeyondTheTypeBecomeItsBound) {
  for (std::string number : {"2147483648", "1e30", "99999999999999999999"}) {
    EXPECT_THAT(Refusal("GetRecords", Parse(R"({"ShardIterator":"s","Limit":)" + number + "}")),
                HasSubstr("Value '2147483647' at 'limit'"))
        << number;
  }
  EXPECT_THAT(Refusal("GetRecords", Parse(R"({"ShardIterator":"s","Limit":-1e30})")),
              HasSubstr("Value '-2147483648' at 'limit'"));
}

TEST(Validation, CborHasBlobsAndTimestampsOfItsOwn) {
  json::Object input;
  input.emplace_back("StreamName", "s");
  input.emplace_back("Data", json::Blob{"x"});
  EXPECT_EQ(Refusal("PutRecord", input, Protocol::kCbor), "");
  input[1].second = "eA==";
  EXPECT_EQ(Refusal("PutRecord", input, Protocol::kCbor),
            Unserializable("class java.lang.String can not be converted to a Blob"));
  input[1].second = json::Blob{"x"};
  input[0].second = json::Blob{"s"};
  EXPECT_EQ(Refusal("PutRecord", input, Protocol::kCbor),
            Unserializable("class java.nio.HeapByteBuffer can not be converted to an String"));

  json::Value filter = json::Object{};
  filter["StreamName"] = "s";
  filter["StreamCreationTimestamp"] = int64_t{1795262400123};
  ASSERT_FALSE(ValidateInput(KinesisInputShape("ListShards"), Protocol::kCbor, filter));
  EXPECT_EQ(filter["StreamCreationTimestamp"], json::Value(json::Timestamp{1795262400123}));
}

TEST(Validation, LengthsAreCountedInCharacters) {
  std::string key;
  for (int i = 0; i < 256; ++i) key += "ä";
  json::Object input;
  input.emplace_back("StreamName", "s");
  input.emplace_back("Data", "");
  input.emplace_back("PartitionKey", key);
  EXPECT_EQ(Refusal("PutRecord", input), "");
  input[2].second = key + "ä";
  EXPECT_THAT(Refusal("PutRecord", input), HasSubstr("length less than or equal to 256"));
}

TEST(Validation, BlobsAreShownAsJavaShowsThem) {
  json::Object input;
  input.emplace_back("StreamName", "s");
  input.emplace_back("Data", json::Blob{std::string(10'485'761, 'x')});
  EXPECT_EQ(Refusal("PutRecord", input, Protocol::kCbor),
            One("'java.nio.HeapByteBuffer[pos=0 lim=10485761 cap=10485761]' at 'data' failed to "
                "satisfy constraint: Member must have length less than or equal to 10485760"));
}

TEST(Validation, TenErrorsAreEnough) {
  json::Array records;
  for (int i = 0; i < 501; ++i) records.push_back(json::Object{});
  json::Object input;
  input.emplace_back("Records", records);
  std::string refusal = Refusal("PutRecords", input);
  EXPECT_THAT(refusal, StartsWith("ValidationException: 10 validation errors detected: "));
  EXPECT_THAT(refusal, HasSubstr("Member must have length less than or equal to 500"));
  EXPECT_THAT(refusal,
              EndsWith("at 'records.9.member.data' failed to satisfy constraint: Member must "
                       "not be null"));
}

TEST(Validation, LongValuesAreRepeatedInPartOnly) {
  std::string value;
  for (int i = 0; i < 1'000'000; ++i) value += "ä";
  json::Object input;
  input.emplace_back("StreamName", value);
  std::string refusal = Refusal("DescribeStreamSummary", input);
  EXPECT_LT(refusal.size(), 20'000U);
  EXPECT_THAT(refusal, HasSubstr("ää...' at 'streamName'"));
  input[0].second = 1;
  input.emplace_back("Data", std::string(9'999'999, '!'));
  input[0].first = "Unknown";
  EXPECT_LT(Refusal("PutRecord", input).size(), 20'000U);
}

}  // namespace
}  // namespace millrace::aws
