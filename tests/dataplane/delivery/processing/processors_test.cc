#include "dataplane/delivery/processing/processors.h"

#include <gtest/gtest.h>

#include "common/aws_framing/kpl_aggregate.h"
#include "common/codec/base64.h"
#include "dataplane/delivery/formats/deflate.h"

namespace millrace::delivery {
namespace {

using Texts = std::vector<std::string>;

struct Outcome {
  Texts records;
  Texts failed;  // by code
};

Outcome Processed(Processor& processor, const Texts& in) {
  Batch batch;
  for (const std::string& text : in) batch.records.push_back({.data = text, .arrival_ms = 5});
  EXPECT_TRUE(processor.Process(batch).ok());
  Outcome out;
  for (const Record& record : batch.records) out.records.emplace_back(record.data);
  for (const FailedRecord& each : batch.failed) {
    EXPECT_EQ(each.failure.output_type, "processing-failed");
    out.failed.push_back(each.failure.code);
  }
  return out;
}

TEST(KplDeaggregation, TakesAggregatesApartAndLeavesOthers) {
  const std::vector<aws::KplUserRecord> users{{"k1", {}, "one"}, {"k2", {}, "two"}};
  const std::string aggregate = aws::EncodeKplAggregate(users);
  const std::string lookalike = aggregate.substr(0, 8) + "but none";
  const Outcome out = Processed(*MakeKplDeaggregation(), {"plain", aggregate, lookalike});
  EXPECT_EQ(out.records, (Texts{"plain", "one", "two", lookalike}));
}

TEST(JsonDeaggregation, SplitsObjectsInARow) {
  const Outcome out = Processed(*MakeJsonDeaggregation(SystemClock()),
                                {R"({"a":1}{"b":"}{"} {"c":"\""})"
                                 "\n",
                                 R"({"d":{}})", "plain", R"({"open":1)", R"({"a":1},{"b":2})"});
  EXPECT_EQ(out.records, (Texts{R"({"a":1})", R"({"b":"}{"})", R"({"c":"\""})", R"({"d":{}})"}));
  EXPECT_EQ(out.failed, (Texts(3, "RecordDeAggregation.InvalidJson")));
}

TEST(JsonDeaggregation, RefusesMoreThan500) {
  std::string many;
  for (int i = 0; i < 501; ++i) many += "{}";
  EXPECT_EQ(Processed(*MakeJsonDeaggregation(SystemClock()), {many}).failed,
            (Texts{"RecordDeAggregation.TooManyRecords"}));
  EXPECT_EQ(Processed(*MakeJsonDeaggregation(SystemClock()), {many.substr(2)}).records.size(),
            500U);
}

TEST(DelimitedDeaggregation, SplitsAtTheDelimiterAndDropsWhatIsEmpty) {
  EXPECT_EQ(Processed(*MakeDelimitedDeaggregation("##"), {"a##b####c##", "##", "d"}).records,
            (Texts{"a", "b", "c", "d"}));
}

TEST(AppendDelimiter, StandsAfterEachRecord) {
  EXPECT_EQ(Processed(*MakeAppendDelimiter("\n"), {"a", "", "bc"}).records,
            (Texts{"a\n", "\n", "bc\n"}));
}

TEST(Decompression, UnpacksGzipAndFailsTheRest) {
  const Outcome out = Processed(*MakeDecompression(SystemClock()),
                                {Gzip("text"), "no gzip", Gzip("one") + Gzip("two")});
  EXPECT_EQ(out.records, (Texts{"text", "onetwo"}));
  EXPECT_EQ(out.failed, (Texts{"Decompression.InvalidData"}));
}

TEST(CloudWatchLogs, ExtractMessagesAndPassOverControlMessages) {
  const std::string data =
      R"({"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[{"id":"1","timestamp":1,"message":"one"},{"id":"2","timestamp":2,"message":"two"}]})";
  const std::string control = R"({"messageType":"CONTROL_MESSAGE","logEvents":[]})";
  Outcome out = Processed(*MakeCloudWatchLogs(true, SystemClock()), {data, control, "{}"});
  EXPECT_EQ(out.records, (Texts{"one", "two"}));
  EXPECT_EQ(out.failed, (Texts{"CloudWatchLogProcessing.InvalidData"}));
  EXPECT_EQ(Processed(*MakeCloudWatchLogs(false, SystemClock()), {data}).records, (Texts{data}));
}

std::string KeysOf(const std::string& query, const std::string& data) {
  auto processor = MakeMetadataExtraction(query, SystemClock());
  if (!processor.ok()) return processor.status().message();
  Batch batch;
  batch.records.push_back({.data = data});
  EXPECT_TRUE((*processor)->Process(batch).ok());
  if (!batch.failed.empty())
    return batch.failed[0].failure.code + ": " + batch.failed[0].failure.message;
  std::string out;
  for (const auto& [name, value] : batch.records[0].query_keys)
    out += std::string(name) + "=" + std::string(value) + " ";
  return out;
}

TEST(MetadataExtraction, MakesPartitionKeysInTheOrderOfTheirNames) {
  EXPECT_EQ(KeysOf("{day:.ts[0:10],customer:.customer}",
                   R"({"customer":"c1","ts":"2026-11-21T18:05:09Z"})"),
            "customer=c1 day=2026-11-21 ");
  EXPECT_EQ(
      KeysOf(R"({year:.at|strftime("%Y"),n:.n,ok:.ok})", R"({"at":1763748309,"n":7,"ok":true})"),
      "n=7 ok=true year=2025 ");
}

TEST(MetadataExtraction, FailsRecordsThatHaveNoKeys) {
  EXPECT_EQ(KeysOf("{a:.a}", "no json").substr(0, 31), "MetadataExtraction.InvalidJson:");
  EXPECT_EQ(KeysOf("{a:.a}", "{}"),
            "MetadataExtraction.QueryFailed: partition key 'a' is no text, number or truth");
  EXPECT_EQ(KeysOf(".a", R"({"a":1})"),
            "MetadataExtraction.QueryFailed: the query's outcome is no object");
  EXPECT_EQ(KeysOf("{a:(.a|error)}", R"({"a":"its own words"})"),
            "MetadataExtraction.QueryFailed: its own words");
  EXPECT_EQ(KeysOf("empty", "{}").substr(0, 31), "MetadataExtraction.QueryFailed:");
}

TEST(MetadataExtraction, RefusesWhatIsNoQueryInJqsWords) {
  EXPECT_NE(KeysOf("{a:", "{}").find("is no query of jq 1.6: jq: error: syntax error"),
            std::string::npos)
      << KeysOf("{a:", "{}");
}

TEST(MetadataExtraction, GoesOnAfterAFailedRecord) {
  auto processor = MakeMetadataExtraction("{a:.a}", SystemClock()).value();
  Batch batch;
  for (const char* data : {R"({"a":"1"})", "?", R"({"a":"2"})"})
    batch.records.push_back({.data = data});
  ASSERT_TRUE(processor->Process(batch).ok());
  ASSERT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.records[1].query_keys[0].second, "2");
}

TEST(Processors, StandInFirehosesOrder) {
  auto made =
      MakeProcessors({{"AppendDelimiterToRecord", {{"Delimiter", "\\n"}}},
                      {"RecordDeAggregation",
                       {{"SubRecordType", "DELIMITED"}, {"Delimiter", codec::Base64Encode("|")}}},
                      {"Decompression", {{"CompressionFormat", "GZIP"}}}},
                     {}, SystemClock());
  ASSERT_TRUE(made.ok()) << made.status().message();
  const std::string packed = Gzip("a|b");
  Batch batch;
  batch.records.push_back({.data = packed});
  for (const auto& processor : *made) ASSERT_TRUE(processor->Process(batch).ok());
  ASSERT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.records[0].data, "a\n");
  EXPECT_EQ(batch.records[1].data, "b\n");
}

TEST(Processors, OfAnUnknownTypeAreRefused) {
  EXPECT_EQ(MakeProcessors(
                {{"RecordDeAggregation", {{"SubRecordType", "DELIMITED"}, {"Delimiter", "?"}}}}, {},
                SystemClock())
                .status()
                .code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace millrace::delivery
