#include <gtest/gtest.h>

#include "common/codec/base64.h"
#include "common/json/value.h"
#include "dataplane/delivery/processing/processors.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::delivery {
namespace {

// A function: what it does with its n-th call is the test's.
class LambdaTransformTest : public net::NetTest {
 protected:
  struct Answer {
    int status = 200;
    json::Value body{};
    std::string function_error{};
  };
  using Function = std::function<Answer(size_t call, const json::Value& event)>;

  std::unique_ptr<Processor> Open(Function function, size_t bytes_max = kMiB, int retries = 2) {
    Serve([this, function](net::HttpRequest request,
                           const std::shared_ptr<net::ResponseWriter>& writer) {
      std::lock_guard lock(mu_);
      events_.push_back(*json::ParseJson(request.body.view()));
      const Answer answer = function(events_.size(), events_.back());
      net::HttpResponse response;
      response.status = answer.status;
      if (!answer.function_error.empty())
        response.headers.emplace_back("x-amz-function-error", answer.function_error);
      response.body.push_back(Slice::FromString(json::WriteJson(answer.body)));
      writer->Send(std::move(response));
    });
    return std::move(
               MakeLambdaTransform({.function = "http://127.0.0.1:" + std::to_string(port_) + "/f",
                                    .delivery_stream_arn = "arn:d",
                                    .region = "eu-west-1",
                                    .source_stream_arn = "arn:s",
                                    .bytes_max = bytes_max,
                                    .retries = retries},
                                   SystemClock()))
        .value();
  }
  static Batch Records(const std::vector<std::string_view>& texts) {
    Batch batch;
    for (const std::string_view text : texts)
      batch.records.push_back({.data = text,
                               .origin = {.shard = "shardId-000000000000",
                                          .sequence_number = "42",
                                          .partition_key = "k"},
                               .arrival_ms = 7});
    batch.receipt = std::make_shared<Receipt>([](bool) {});
    return batch;
  }
  static json::Value One(const json::Value& record, const char* result, const std::string& data) {
    return json::Object{{"recordId", record["recordId"].AsString()},
                        {"result", result},
                        {"data", codec::Base64Encode(data)}};
  }
  // Each record with an exclamation mark.
  static Answer Shout(const json::Value& event) {
    json::Array out;
    for (const json::Value& record : event["records"].AsArray())
      out.push_back(One(record, "Ok", *codec::Base64Decode(record["data"].AsString()) + "!"));
    return {.body = json::Object{{"records", std::move(out)}}};
  }
  static std::vector<std::string> Texts(const Batch& batch) {
    std::vector<std::string> texts;
    for (const Record& record : batch.records) texts.emplace_back(record.data);
    return texts;
  }
  static std::vector<std::string> Codes(const Batch& batch) {
    std::vector<std::string> codes;
    for (const FailedRecord& each : batch.failed) codes.push_back(each.failure.code);
    return codes;
  }
  using Strings = std::vector<std::string>;

  std::mutex mu_;
  std::vector<json::Value> events_;
};

TEST_F(LambdaTransformTest, CallsAsFirehoseDoesAndTakesTheAnswer) {
  auto function = Open([](size_t, const json::Value& event) { return Shout(event); });
  Batch batch = Records({"one", "two"});
  ASSERT_TRUE(function->Process(batch).ok());
  EXPECT_EQ(Texts(batch), (Strings{"one!", "two!"}));
  const json::Value& event = events_[0];
  EXPECT_EQ(event["deliveryStreamArn"].AsString(), "arn:d");
  EXPECT_EQ(event["region"].AsString(), "eu-west-1");
  EXPECT_EQ(event["sourceKinesisStreamArn"].AsString(), "arn:s");
  EXPECT_FALSE(event["invocationId"].AsString().empty());
  const json::Value& record = event["records"].AsArray()[1];
  EXPECT_EQ(record["approximateArrivalTimestamp"].AsInt(), 7);
  EXPECT_EQ(record["kinesisRecordMetadata"]["sequenceNumber"].AsString(), "42");
  EXPECT_EQ(record["kinesisRecordMetadata"]["shardId"].AsString(), "shardId-000000000000");
}

TEST_F(LambdaTransformTest, RecordsAreDroppedFailedKeyedOrForgottenOneByOne) {
  auto function = Open([](size_t, const json::Value& event) {
    const json::Array& in = event["records"].AsArray();
    const json::Object keyed{
        {"recordId", in[2]["recordId"].AsString()},
        {"result", "Ok"},
        {"data", codec::Base64Encode("c")},
        {"metadata", json::Object{{"partitionKeys", json::Object{{"b", 2}, {"a", "x"}}}}}};
    return Answer{
        .body = json::Object{
            {"records",
             json::Array{One(in[0], "Dropped", ""), One(in[1], "ProcessingFailed", ""), keyed,
                         One(in[3], "Fine", ""), One(in[4], "Ok", "d"), One(in[4], "Ok", "e")}}}};
  });
  Batch batch = Records({"0", "1", "2", "3", "4", "5"});
  ASSERT_TRUE(function->Process(batch).ok());
  EXPECT_EQ(Texts(batch), (Strings{"c"}));
  using Key = std::pair<std::string_view, std::string_view>;
  EXPECT_EQ(batch.records[0].function_keys, (std::vector<Key>{{"a", "x"}, {"b", "2"}}));
  EXPECT_EQ(Codes(batch), (Strings{"Lambda.ProcessingFailedStatus", "Lambda.InvalidReturnFormat",
                                   "Lambda.DuplicatedRecordId", "Lambda.MissingRecordId"}));
  EXPECT_EQ(batch.failed[0].record.data, "1") << "as it came";
  EXPECT_EQ(batch.failed[0].failure.output_type, "processing-failed");
  EXPECT_EQ(batch.failed[0].failure.details[0].first, "lambdaArn");
}

TEST_F(LambdaTransformTest, AFunctionThatFailsIsTriedAgainAndWhatItAnsweredIsNotAskedTwice) {
  auto function = Open(
      [](size_t call, const json::Value& event) {
        if (call == 2) return Answer{.body = json::Object{}, .function_error = "Unhandled"};
        if (call == 3) return Answer{.status = 429, .body = json::Object{}};
        return Shout(event);
      },
      /*bytes_max=*/3);
  Batch batch = Records({"one", "two"});
  EXPECT_EQ(function->Process(batch).code(), Code::kUnavailable);
  EXPECT_EQ(Texts(batch), (Strings{"one", "two"})) << "nothing is decided";
  EXPECT_EQ(function->Process(batch).code(), Code::kUnavailable);
  ASSERT_TRUE(function->Process(batch).ok());
  EXPECT_EQ(Texts(batch), (Strings{"one!", "two!"}));
  EXPECT_EQ(events_.size(), 4U);
}

TEST_F(LambdaTransformTest, AfterItsRetriesTheRecordsGoToTheErrorOutput) {
  auto function = Open([](size_t, const json::Value&) { return Answer{.body = "no records"}; },
                       kMiB, /*retries=*/1);
  Batch batch = Records({"one", "two"});
  EXPECT_FALSE(function->Process(batch).ok());
  ASSERT_TRUE(function->Process(batch).ok());
  EXPECT_TRUE(batch.records.empty());
  EXPECT_EQ(Codes(batch), Strings(2, "Lambda.JsonProcessingException"));
  EXPECT_EQ(batch.failed[0].failure.attempts, 2);
}

TEST_F(LambdaTransformTest, AnotherBatchIsNotTakenForTheOneThatWasGivenUp) {
  auto function = Open(
      [](size_t call, const json::Value& event) {
        return call == 2 ? Answer{.status = 500} : Shout(event);
      },
      /*bytes_max=*/3);
  {
    Batch given_up = Records({"one", "two"});
    EXPECT_FALSE(function->Process(given_up).ok());
  }
  Batch batch = Records({"six", "ten"});
  ASSERT_TRUE(function->Process(batch).ok());
  EXPECT_EQ(Texts(batch), (Strings{"six!", "ten!"}));
}

TEST(MakeLambdaTransform, WantsAnAddress) {
  const auto made = MakeLambdaTransform({.function = "arn:aws:lambda:us-east-1:1:function:f",
                                         .delivery_stream_arn = {},
                                         .region = {}},
                                        SystemClock());
  EXPECT_EQ(made.status().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace millrace::delivery
