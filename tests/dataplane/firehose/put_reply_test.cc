#include "dataplane/firehose/put_reply.h"

#include <gtest/gtest.h>

#include "dataplane/firehose/put_input.h"

namespace millrace::firehose {
namespace {

json::Value Json(std::string_view text) { return *json::ParseJson(text); }

constexpr std::string_view kOneThrottled =
    R"({"FailedRecordCount":1,"EncryptionType":"KMS","Records":[
      {"SequenceNumber":"17","ShardId":"shardId-000000000001"},
      {"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate exceeded"}]})";

TEST(FirehosePutReply, EachRecordHasItsIdOrItsError) {
  const PutReply reply = ReplyOf(Json(kOneThrottled), false);
  ASSERT_FALSE(reply.error);
  EXPECT_EQ(json::WriteJson(reply.body),
            R"({"FailedPutCount":1,"Encrypted":true,"RequestResponses":[)"
            R"({"RecordId":"c2hhcmRJZC0wMDAwMDAwMDAwMDE6MTc="},)"
            R"({"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}]})");
}

TEST(FirehosePutReply, OneRecordThatIsThrottledIsAServiceUnavailableException) {
  const PutReply reply = ReplyOf(
      Json(
          R"({"FailedRecordCount":1,"Records":[{"ErrorCode":"ProvisionedThroughputExceededException"}]})"),
      true);
  ASSERT_TRUE(reply.error);
  EXPECT_EQ(reply.error->type, "ServiceUnavailableException");
  EXPECT_EQ(reply.error->http_status, 503);
}

TEST(FirehosePutReply, StreamThatIsNotThereIsForTheControlPlane) {
  EXPECT_FALSE(RefusalOf(400, "ResourceNotFoundException", "Stream millrace... not found"));
  EXPECT_EQ(RefusalOf(503, "ServiceUnavailable", "m")->type, "ServiceUnavailableException");
  EXPECT_EQ(RefusalOf(500, "InternalFailure", "m")->type, "InternalFailure");
}

TEST(FirehosePutInput, RecordsStayTogetherUpTo256KiB) {
  PutInput input;
  input.delivery_stream = "clicks";
  input.records.assign(500, std::string(2048, 'x'));
  Random random(7);
  const auto body = aws::DecodeBody(aws::Protocol::kCbor, KinesisBody(input, random));
  ASSERT_TRUE(body.ok());
  EXPECT_EQ((*body)["StreamName"].AsString(), "millrace.firehose.clicks");
  const json::Array& records = std::as_const(*body)["Records"].AsArray();
  ASSERT_EQ(records.size(), 500u);
  EXPECT_EQ(records[0]["PartitionKey"], records[100]["PartitionKey"]);
  EXPECT_FALSE(records[0]["PartitionKey"] == records[499]["PartitionKey"]);
}

}  // namespace
}  // namespace millrace::firehose
