#include "dataplane/delivery/sinks/http_endpoint/http_endpoint_sink.h"

#include <gtest/gtest.h>

#include <functional>

#include "common/codec/base64.h"
#include "common/json/value.h"
#include "dataplane/delivery/formats/deflate.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::delivery {
namespace {

using Verdict = Delivery::Verdict;

// An endpoint that keeps what it was sent and answers what the test says.
class HttpEndpointSinkTest : public net::NetTest {
 protected:
  struct Answer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body{};  // "": as the protocol has it
    std::string retry_after{};
  };

  std::unique_ptr<Sink> Open(const std::function<void(HttpEndpointOptions&)>& change = {}) {
    Serve([this](const net::HttpRequest request,
                 const std::shared_ptr<net::ResponseWriter>& writer) {
      std::lock_guard lock(mu_);
      for (const auto& [name, value] : request.headers)
        headers_[std::string(name)] = std::string(value);
      std::string body(request.body.view());
      if (headers_["content-encoding"] == "gzip") body = *Gunzip(body, 1 << 20);
      bodies_.push_back(*json::ParseJson(body));
      Answer answer = answers_.size() >= bodies_.size() ? answers_[bodies_.size() - 1] : Answer{};
      if (answer.body.empty())
        answer.body = R"({"requestId":")" + bodies_.back()["requestId"].AsString() +
                      R"(","timestamp":1763700000000})";
      net::HttpResponse response;
      response.status = answer.status;
      response.headers.emplace_back("content-type", answer.content_type);
      if (!answer.retry_after.empty())
        response.headers.emplace_back("retry-after", answer.retry_after);
      response.body.push_back(Slice::FromString(std::move(answer.body)));
      writer->Send(std::move(response));
    });
    HttpEndpointOptions options;
    options.url = "http://127.0.0.1:" + std::to_string(port_) + "/in?token=a";
    options.access_key = "the key";
    options.source_arn = "arn:aws:firehose:us-east-1:000000000000:deliverystream/clicks";
    if (change) change(options);
    return std::move(MakeHttpEndpointSink(std::move(options), clock_)).value();
  }
  static Parcel Records(const std::vector<std::string_view>& texts) {
    static const char* const kNumbers[] = {"1", "2", "3", "4", "5", "6"};
    Parcel parcel;
    parcel.id = "a";
    for (const std::string_view text : texts)
      parcel.records.push_back(
          {.data = text,
           .origin = {.shard = "s", .sequence_number = kNumbers[parcel.records.size()]}});
    parcel.record_count = texts.size();
    return parcel;
  }
  std::vector<std::string> Texts(size_t request) const {
    std::vector<std::string> texts;
    for (const json::Value& record : bodies_[request]["records"].AsArray())
      texts.push_back(*codec::Base64Decode(record["data"].AsString()));
    return texts;
  }
  std::string IdOf(size_t request) const { return bodies_[request]["requestId"].AsString(); }

  Clock& clock_ = SystemClock();
  std::mutex mu_;
  std::vector<Answer> answers_;
  std::vector<json::Value> bodies_;
  std::map<std::string, std::string> headers_;
};
TEST_F(HttpEndpointSinkTest, SpeaksTheProtocol) {
  auto sink = Open([](HttpEndpointOptions& options) {
    options.gzip = true;
    options.common_attributes = {{"team", "a \"b\""}};
  });
  const std::string binary("\0\xff", 2);
  EXPECT_EQ(sink->Deliver(Records({"one", binary})).verdict, Verdict::kDelivered);
  EXPECT_EQ(Texts(0), (std::vector<std::string>{"one", binary}));
  EXPECT_GT(bodies_[0]["timestamp"].AsInt(), 1'700'000'000'000);
  EXPECT_EQ(headers_["x-amz-firehose-protocol-version"], "1.0");
  EXPECT_EQ(headers_["x-amz-firehose-request-id"], IdOf(0));
  EXPECT_EQ(headers_["x-amz-firehose-access-key"], "the key");
  EXPECT_EQ(headers_["x-amz-firehose-source-arn"],
            "arn:aws:firehose:us-east-1:000000000000:deliverystream/clicks");
  EXPECT_EQ(headers_["x-amz-firehose-common-attributes"],
            R"({"commonAttributes":{"team":"a \"b\""}})");
  EXPECT_EQ(headers_["content-type"], "application/json");
}

TEST_F(HttpEndpointSinkTest, OnlyWhatTheProtocolCallsSuccessIsDelivered) {
  auto sink = Open();
  answers_ = {{.status = 201},
              {.status = 302},
              {.content_type = "text/plain"},
              {.body = "fine"},
              {.body = R"({"requestId":"another","timestamp":1})"},
              {.status = 429, .body = R"({"errorMessage":"slow down"})", .retry_after = "7"}};
  const Parcel parcel = Records({"one"});
  for (size_t i = 0; i < answers_.size(); ++i) {
    const Delivery delivery = sink->Deliver(parcel);
    EXPECT_EQ(delivery.verdict, Verdict::kRetry) << i;
    EXPECT_EQ(delivery.code, i < 2 || i == 5 ? "HttpEndpoint.DestinationException"
                                             : "HttpEndpoint.InvalidResponseFromDestination");
    EXPECT_TRUE(delivery.again.empty());
    if (i == 5) {
      EXPECT_EQ(delivery.message, "HTTP 429: slow down");
      EXPECT_EQ(delivery.retry_after, std::chrono::seconds(7));
    }
  }
  EXPECT_EQ(sink->Deliver(parcel).verdict, Verdict::kDelivered);
  for (size_t i = 1; i < bodies_.size(); ++i) EXPECT_EQ(IdOf(i), IdOf(0)) << "a retry is the same";
}

TEST_F(HttpEndpointSinkTest, WhatIsTooLargeForTheEndpointIsNotTriedAgain) {
  auto sink = Open();
  answers_ = {{.status = 413}};
  const Delivery delivery = sink->Deliver(Records({"one", "two"}));
  EXPECT_EQ(delivery.verdict, Verdict::kRefused);
  ASSERT_EQ(delivery.rejected.size(), 2U);
  EXPECT_EQ(delivery.rejected[1].index, 1U);
}

TEST_F(HttpEndpointSinkTest, MoreThanARequestTakesGoesInSeveralAndWhatArrivedIsNotSentAgain) {
  auto sink = Open([](HttpEndpointOptions& options) {
    options.records_max = 2;
    options.data_bytes_max = 10;
  });
  answers_ = {{}, {.status = 500}};
  Parcel parcel = Records({"0", "1", "2", "3 is longer", "4"});
  Delivery delivery = sink->Deliver(parcel);
  EXPECT_EQ(delivery.verdict, Verdict::kRetry);
  EXPECT_EQ(delivery.again, (std::vector<size_t>{2, 3, 4}));
  std::vector<Record> again;
  for (const size_t i : delivery.again) again.push_back(parcel.records[i]);
  parcel.records = again;
  EXPECT_EQ(sink->Deliver(parcel).verdict, Verdict::kDelivered);
  ASSERT_EQ(bodies_.size(), 5U);
  EXPECT_EQ(Texts(0), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(Texts(2), (std::vector<std::string>{"2"}));
  EXPECT_EQ(Texts(3), (std::vector<std::string>{"3 is longer"}));
  EXPECT_EQ(Texts(4), (std::vector<std::string>{"4"}));
  EXPECT_EQ(IdOf(1), IdOf(2)) << "the same records under the same id";
  EXPECT_NE(IdOf(0), IdOf(1));
}

TEST_F(HttpEndpointSinkTest, AnEndpointThatIsAwayIsTriedAgain) {
  auto sink = Open();
  server_->Stop();
  const Delivery delivery = sink->Deliver(Records({"one"}));
  EXPECT_EQ(delivery.verdict, Verdict::kRetry);
  EXPECT_FALSE(delivery.message.empty());
}

TEST(MakeHttpEndpointSink, WantsAnAddress) {
  EXPECT_FALSE(
      MakeHttpEndpointSink({.url = "nowhere", .access_key = {}, .source_arn = {}}, SystemClock())
          .ok());
}

}  // namespace
}  // namespace millrace::delivery
