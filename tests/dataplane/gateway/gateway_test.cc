#include <algorithm>
#include <set>

#include "common/aws/sigv4.h"
#include "common/log/log.h"
#include "tests/dataplane/gateway/running_shard.h"

namespace millrace::gateway {
namespace {

using Answer = RunningShard::Answer;

class OneKey final : public aws::KeyStore {
 public:
  std::optional<aws::Credentials> Find(std::string_view id) const override {
    return id == "AKIA1" ? std::optional(aws::Credentials{"AKIA1", "s3cret", "000000000000", "me"})
                         : std::nullopt;
  }
};

// A control plane that says what it was asked.
class EchoControl {
 public:
  EchoControl()
      : server_(io_, Options(),
                [](net::HttpRequest request, const std::shared_ptr<net::ResponseWriter>& writer) {
                  json::Object said{{"method", std::string(request.method)},
                                    {"target", std::string(request.target)},
                                    {"body", std::string(request.body.view())}};
                  for (const char* name : {"x-amz-target", "content-type", "x-millrace-token",
                                           "x-millrace-identity"}) {
                    said.emplace_back(name, std::string(request.FindHeader(name)));
                  }
                  const std::string_view id = request.FindHeader("x-millrace-request-id");
                  net::HttpResponse response;
                  response.status = request.path == "/apis/missing" ? 404 : 200;
                  response.headers = {{"x-amzn-RequestId", std::string(id)},
                                      {"Content-Type", "application/json"},
                                      {"x-hidden", "1"}};
                  response.body.push_back(
                      Slice::FromString(json::WriteJson(json::Value(std::move(said)))));
                  writer->Send(std::move(response));
                }) {
    port_ = *server_.Listen("127.0.0.1:0");
  }
  ~EchoControl() { server_.Stop(); }
  std::string Endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  static net::HttpServerOptions Options() {
    net::HttpServerOptions options;
    options.body_bytes_max = [](const net::HttpRequest&) { return kMiB; };
    return options;
  }
  IoThreads io_{1, "control"};
  net::HttpServer server_;
  uint16_t port_ = 0;
};

class GatewayTest : public ::testing::Test {
 protected:
  void SetUp() override { log::Configure("test", log::Level::kError); }
  void StartWith(uint32_t shards) {
    shard_.PutMap(RunningShard::MapOf("orders", shards));
    shard_.Start();
  }
  Answer Put(const std::string& data, const std::string& key = "k") {
    return shard_.Call(
        "PutRecord",
        json::Object{{"StreamName", "orders"}, {"Data", json::Blob{data}}, {"PartitionKey", key}},
        aws::Protocol::kCbor);
  }
  Answer AdminGet(const std::string& target, const std::string& token = "") {
    net::HttpClient client("http://127.0.0.1:" + std::to_string(shard_.server->admin_port()));
    net::ClientRequest request{.method = "GET", .target = target, .headers = {}, .body = {}};
    if (!token.empty()) request.headers.emplace_back("x-millrace-token", token);
    const auto response = client.Send(request);
    if (!response.ok()) return {};
    return {response->status, "", response->body, response->headers};
  }
  net::ClientRequest Signed(const std::string& body, const std::string& key,
                            const std::string& secret) {
    net::ClientRequest request = RunningShard::RequestOf("PutRecord", aws::Protocol::kJson, body);
    aws::SignRequest sign;
    sign.host = "127.0.0.1:" + std::to_string(shard_.server->port());
    sign.headers = request.headers;
    sign.body = request.body;
    for (auto& header :
         aws::SignV4(sign, {key, secret, "000000000000", ""}, SystemClock().WallNow()))
      request.headers.push_back(header);
    return request;
  }

  RunningShard shard_;
};

constexpr const char* kPutBody = R"({"StreamName":"orders","Data":"aGVsbG8=","PartitionKey":"a"})";

TEST_F(GatewayTest, AGoodSignatureIsServedAndAnyOtherIsRefused) {
  const OneKey keys;
  shard_.options.keys = &keys;
  StartWith(1);
  EXPECT_EQ(shard_.Send(Signed(kPutBody, "AKIA1", "s3cret")).status, 200);
  const Answer wrong_secret = shard_.Send(Signed(kPutBody, "AKIA1", "guess"));
  EXPECT_GE(wrong_secret.status, 400);
  const Answer unknown_key = shard_.Send(Signed(kPutBody, "AKIA2", "s3cret"));
  EXPECT_EQ(unknown_key.status, wrong_secret.status);
  net::ClientRequest changed = Signed(kPutBody, "AKIA1", "s3cret");
  changed.body.back() = ' ';
  EXPECT_GE(shard_.Send(changed).status, 400);
  const Answer unsigned_call =
      shard_.Send(RunningShard::RequestOf("PutRecord", aws::Protocol::kJson, kPutBody));
  EXPECT_EQ(unsigned_call.type, "MissingAuthenticationTokenException");
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000000").size(), 0u);  // unsigned as well
}

TEST_F(GatewayTest, APartOfTheInstallationShowsItsTokenAndHasNoShardLimits) {
  const OneKey keys;
  shard_.options.keys = &keys;
  RunningShard::Map map = RunningShard::MapOf("orders", 1);
  map.enforce_shard_limits = true;
  shard_.PutMap(map);
  shard_.Start();
  auto put = [&](const std::string& token) {
    net::ClientRequest request =
        RunningShard::RequestOf("PutRecord", aws::Protocol::kJson, kPutBody);
    request.headers.emplace_back("authorization", "Bearer " + token);
    return shard_.Send(request);
  };
  for (int i = 0; i < 1'500; ++i) ASSERT_EQ(put(shard_.options.token).status, 200) << i;
  EXPECT_GE(put("another token").status, 400);
  EXPECT_GE(put("").status, 400);
}

TEST_F(GatewayTest, ResourcePathsNeedASignatureToo) {
  const OneKey keys;
  EchoControl control;
  shard_.options.keys = &keys;
  shard_.options.control_endpoint = control.Endpoint();
  StartWith(1);
  EXPECT_GE(shard_.Send({.method = "GET", .target = "/apis/x", .headers = {}, .body = {}}).status,
            400);
}

TEST_F(GatewayTest, ManySignedRequestsAtOnceAreEachJudgedAlone) {
  const OneKey keys;
  shard_.options.keys = &keys;
  StartWith(1);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      net::HttpClient client(shard_.Endpoint());
      for (int i = 0; i < 30; ++i) {
        const bool right = (i + t) % 3 != 0;
        const auto answer = client.Send(Signed(kPutBody, "AKIA1", right ? "s3cret" : "wrong"));
        if (!answer.ok()) continue;
        (right ? good : bad) += (answer->status == 200) == right ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good + bad, 8 * 30);
}

TEST_F(GatewayTest, OtherOperationsAndResourcesGoToTheControlPlaneWithTheCallersIdentity) {
  EchoControl control;
  shard_.options.control_endpoint = control.Endpoint();
  StartWith(1);
  const Answer answer = shard_.Call("ListStreams", json::Object{{"Limit", 3}});
  EXPECT_EQ(answer.status, 200);
  const json::Value& said = answer.body;
  EXPECT_EQ(said["x-amz-target"].AsString(), "Kinesis_20131202.ListStreams");
  EXPECT_EQ(said["content-type"].AsString(), "application/x-amz-json-1.1");
  EXPECT_EQ(said["body"].AsString(), R"({"Limit":3})");
  EXPECT_EQ(said["x-millrace-token"].AsString(), shard_.options.token);
  const auto identity = json::ParseJson(said["x-millrace-identity"].AsString());
  ASSERT_TRUE(identity.ok());
  EXPECT_EQ(std::as_const(*identity)["accountId"].AsString(), "000000000000");
  for (const auto& [name, value] : answer.headers) EXPECT_NE(name, "x-hidden");

  net::ClientRequest get{
      .method = "GET", .target = "/apis/missing?limit=1", .headers = {}, .body = {}};
  const Answer resource = shard_.Send(get);
  EXPECT_EQ(resource.status, 404);
  EXPECT_EQ(std::as_const(resource.body)["target"].AsString(), "/apis/missing?limit=1");
}

TEST_F(GatewayTest, WithoutTheControlPlaneDataOperationsGoOn) {
  shard_.options.control_endpoint = "http://127.0.0.1:1";
  StartWith(1);
  const Answer answer = shard_.Call("ListStreams", json::Object{});
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.type, "ServiceUnavailable");
  EXPECT_EQ(Put("on").status, 200);
}

TEST_F(GatewayTest, RequestsThatNameNoOperationAreAnsweredAsAwsDoes) {
  StartWith(1);
  EXPECT_EQ(shard_.Send({.method = "GET", .target = "/", .headers = {}, .body = {}}).status, 403);
  net::ClientRequest other = RunningShard::RequestOf("ListStreams", aws::Protocol::kJson, "{}");
  other.headers[1].second = "DynamoDB_20120810.ListTables";
  EXPECT_EQ(shard_.Send(other).type, "UnknownOperationException");
  EXPECT_EQ(
      shard_.Send(RunningShard::RequestOf("PutRecord", aws::Protocol::kJson, "not json")).type,
      "SerializationException");
}

TEST_F(GatewayTest, ControlBodiesAreSmallerThanDataBodies) {
  StartWith(1);
  const auto size_of = [](const char* target) {
    net::HttpRequest head;
    head.headers = {{"X-Amz-Target", target}};
    return Gateway::BodyBytesMax(head);
  };
  EXPECT_EQ(size_of("Kinesis_20131202.PutRecords"), 16 * kMiB);
  EXPECT_EQ(size_of("Kinesis_20131202.PutRecord"), 16 * kMiB);
  EXPECT_EQ(size_of("Kinesis_20131202.CreateStream"), kMiB);
  EXPECT_EQ(size_of(""), kMiB);
}

TEST_F(GatewayTest, TheAdminPortTellsHealthMetricsAndStatus) {
  StartWith(1);
  EXPECT_EQ(Put("x").status, 200);
  EXPECT_EQ(AdminGet("/healthz").status, 200);
  EXPECT_EQ(AdminGet("/readyz").status, 200);
  const std::string metrics = AdminGet("/metrics").body.AsString();
  EXPECT_NE(metrics.find("millrace_kinesis_put_record_success_total{stream=\"orders\"} 1"),
            std::string::npos);
  EXPECT_NE(metrics.find("millrace_kinesis_incoming_bytes_total{stream=\"orders\"} 2"),
            std::string::npos);
  EXPECT_EQ(AdminGet("/internal/v1/status").status, 403);
  EXPECT_EQ(AdminGet("/internal/v1/status", "guess").status, 403);
  EXPECT_EQ(AdminGet("/internal/v1/status", shard_.options.token).status, 200);
  EXPECT_EQ(AdminGet("/nothing").status, 404);
}

TEST_F(GatewayTest, ALongPollEndsWithAChangeOrWithItsTime) {
  StartWith(1);
  const int64_t sequence = shard_.Status()["sequence"].AsInt();
  const std::string wait = "/internal/v1/status?after=" + std::to_string(sequence) + "&wait_ms=";
  const auto begin = std::chrono::steady_clock::now();
  AdminGet(wait + "150", shard_.options.token);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(140));
  std::thread change([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    shard_.PutMap(RunningShard::MapOf("second", 1, 8));
  });
  const Answer answer = AdminGet(wait + "20000", shard_.options.token);
  change.join();
  EXPECT_NE(answer.body.AsString().find("\"second\""), std::string::npos);
}

TEST_F(GatewayTest, WhatWasAcknowledgedIsThereAfterARestartAndIteratorsStayGood) {
  StartWith(1);
  const std::string iterator = shard_.Iterator("orders", "shardId-000000000000");
  for (int i = 0; i < 50; ++i) ASSERT_EQ(Put(std::to_string(i)).status, 200);
  shard_.Start();
  const auto data = shard_.ReadShard("orders", "shardId-000000000000");
  ASSERT_EQ(data.size(), 50u);
  EXPECT_EQ(data[49], "49");
  EXPECT_EQ(shard_.Call("GetRecords", json::Object{{"ShardIterator", iterator}}).status, 200);
}

TEST_F(GatewayTest, ReshardsWhileWritingLoseNothingAndShowNoFailure) {
  RunningShard::Map map = RunningShard::MapOf("orders", 1);
  shard_.PutMap(map);
  shard_.Start();
  std::atomic<bool> stop = false;
  std::vector<std::thread> writers;
  std::mutex mu;
  std::multiset<std::string> acknowledged;
  std::vector<std::string> failures;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      for (int n = 0; !stop; ++n) {
        json::Array records;
        for (int i = 0; i < 5; ++i) {
          const std::string data =
              std::to_string(w) + "-" + std::to_string(n) + "-" + std::to_string(i);
          records.push_back(RunningShard::Entry(data, data));
        }
        const json::Value input = json::Object{{"StreamName", "orders"}, {"Records", records}};
        const Answer answer = shard_.Call("PutRecords", input, aws::Protocol::kCbor);
        std::lock_guard lock(mu);
        if (answer.status != 200 ||
            std::as_const(answer.body)["FailedRecordCount"].AsInt(-1) != 0) {
          failures.push_back(json::WriteJson(answer.body));
          continue;
        }
        for (const json::Value& record : records) acknowledged.insert(record["Data"].AsBlob());
      }
    });
  }
  // Each time the open shard with the lowest range.
  for (int round = 0; round < 6; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    ++map.version;
    resources::MapShard* parent = nullptr;
    for (auto& shard : map.shards) {
      if (!shard.closed_ms && (parent == nullptr || shard.start < parent->start)) parent = &shard;
    }
    parent->closed_ms = map.created_ms;
    const resources::MapShard old = *parent;
    const resources::HashKey middle{old.end.high / 2 + 1, 0};
    for (const bool left : {true, false}) {
      resources::MapShard child{
          .index = map.next_shard_index++,
          .start = left ? old.start : middle,
          .end = left ? resources::HashKey{middle.high - 1, UINT64_MAX} : old.end,
          .parent = old.index};
      child.extents = {{.epoch = ++map.last_epoch + 100, .owner = "shard-0"}};
      map.shards.push_back(child);
    }
    shard_.PutMap(map);
    shard_.AwaitVersion(7, map.version);
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(failures.empty()) << failures.front();
  std::multiset<std::string> read;
  for (const auto& shard : map.shards) {
    for (const std::string& data : shard_.ReadShard("orders", resources::ShardIdName(shard.index)))
      read.insert(data);
  }
  EXPECT_GT(acknowledged.size(), 100u);
  EXPECT_EQ(read, acknowledged);
}

TEST_F(GatewayTest, ADeletedStreamIsNotFoundAtOnceAndItsNameIsFree) {
  RunningShard::Map map = RunningShard::MapOf("orders", 1);
  StartWith(1);
  EXPECT_EQ(Put("old").status, 200);
  map.version = 2;
  map.deleting = true;
  map.drop_after_ms = SystemClock().WallNow() + 3'600'000;
  shard_.PutMap(map);
  shard_.AwaitVersion(7, 2);
  const Answer gone = Put("late");
  EXPECT_EQ(gone.type, "ResourceNotFoundException");
  EXPECT_EQ(gone.message(), "Stream orders under account 000000000000 not found.");
  shard_.PutMap(RunningShard::MapOf("orders", 1, 8));
  shard_.AwaitVersion(8, 1);
  EXPECT_EQ(Put("new").status, 200);
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000000"), (std::vector<std::string>{"new"}));
}

TEST_F(GatewayTest, PastAShardsRateRecordsFailOneByOne) {
  RunningShard::Map map = RunningShard::MapOf("orders", 2);
  map.enforce_shard_limits = true;
  shard_.PutMap(map);
  shard_.Start();
  json::Array records;
  for (int i = 0; i < 200; ++i) {
    json::Value entry = RunningShard::Entry(std::string(9000, 'x'));
    entry.Set("ExplicitHashKey", i == 199 ? "340282366920938463463374607431768211455" : "0");
    records.push_back(std::move(entry));
  }
  const Answer answer =
      shard_.Call("PutRecords", json::Object{{"StreamName", "orders"}, {"Records", records}},
                  aws::Protocol::kCbor);
  ASSERT_EQ(answer.status, 200);
  const json::Array& verdicts = std::as_const(answer.body)["Records"].AsArray();
  const auto failed = std::count_if(verdicts.begin(), verdicts.end(),
                                    [](const auto& v) { return v.Has("ErrorCode"); });
  EXPECT_EQ(std::as_const(answer.body)["FailedRecordCount"].AsInt(), failed);
  EXPECT_EQ(200 - failed, static_cast<int64_t>(kMiB / 9001) + 1);
  EXPECT_EQ(verdicts[199]["ShardId"].AsString(), "shardId-000000000001");
  EXPECT_EQ(verdicts[198]["ErrorCode"].AsString(), "ProvisionedThroughputExceededException");
  EXPECT_EQ(
      verdicts[198]["ErrorMessage"].AsString(),
      "Rate exceeded for shard shardId-000000000000 in stream orders under account 000000000000.");
  EXPECT_FALSE(verdicts[198].Has("ShardId"));
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000001").size(), 1u);
}

TEST_F(GatewayTest, ARecordMayHaveOneMebibyteWithItsKeyAndNoByteMore) {
  StartWith(1);
  EXPECT_EQ(Put(std::string(kMiB - 1, 'x')).status, 200);
  const Answer refused = Put(std::string(kMiB - 1, 'x'), "kk");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(std::as_const(refused.body)["__type"].AsString(), "InvalidArgumentException");
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000000").size(), 1u);
}

TEST_F(GatewayTest, ACallMayHaveTenMebibytesWithItsKeysAndNoByteMore) {
  shard_.options.lane.segment_bytes = 32 * kMiB;  // an append of one call must fit
  StartWith(1);
  for (const bool more : {true, false}) {
    json::Array records;
    for (int i = 0; i < 10; ++i) {
      records.push_back(RunningShard::Entry(std::string(kMiB - 2, 'x'), "kk"));
    }
    if (more) records.push_back(RunningShard::Entry("", "k"));
    const Answer answer =
        shard_.Call("PutRecords", json::Object{{"StreamName", "orders"}, {"Records", records}},
                    aws::Protocol::kCbor);
    EXPECT_EQ(answer.status, more ? 400 : 200);
  }
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000000").size(), 10u);
}

TEST_F(GatewayTest, GetRecordsStopsAtTenMebibytes) {
  shard_.options.lane.segment_bytes = 32 * kMiB;  // an append of one call must fit
  StartWith(1);
  for (int call = 0; call < 2; ++call) {
    json::Array records;
    for (int i = 0; i < 8; ++i) records.push_back(RunningShard::Entry(std::string(1'000'000, 'x')));
    const Answer put =
        shard_.Call("PutRecords", json::Object{{"StreamName", "orders"}, {"Records", records}},
                    aws::Protocol::kCbor);
    ASSERT_EQ(std::as_const(put.body)["FailedRecordCount"].AsInt(-1), 0);
  }
  const Answer answer = shard_.Call(
      "GetRecords",
      json::Object{{"ShardIterator", shard_.Iterator("orders", "shardId-000000000000")}},
      aws::Protocol::kCbor);
  const size_t given = std::as_const(answer.body)["Records"].AsArray().size();
  EXPECT_GE(given, 8u);  // whole appends, while they fit
  EXPECT_LE(given, 10u);
  EXPECT_GT(std::as_const(answer.body)["MillisBehindLatest"].AsInt(), 0);
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000000").size(), 16u);
}

TEST_F(GatewayTest, RecordsOfAnEncryptedStreamAreNotOnTheDisk) {
  RunningShard::Map map = RunningShard::MapOf("orders", 1);
  map.encrypted = true;
  map.shards[0].extents[0].encrypted = true;
  shard_.PutMap(map);
  shard_.Start();
  const std::string secret = "nobody reads this from the disk";
  EXPECT_EQ(Put(secret).status, 200);
  EXPECT_EQ(shard_.ReadShard("orders", "shardId-000000000000"), (std::vector<std::string>{secret}));
  shard_.server->Stop();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(shard_.options.data)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path();
  }
}

}  // namespace
}  // namespace millrace::gateway
