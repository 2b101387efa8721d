#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/aws/protocol.h"
#include "common/aws_framing/event_stream.h"
#include "common/base/random.h"
#include "common/http_client/http_client.h"
#include "dataplane/gateway/master_key.h"
#include "dataplane/gateway/shard_server.h"

namespace millrace::gateway {

// A whole shard process's insides in this one, over a folder of its own and shard maps written by
// hand: for tests at the wire.
class RunningShard {
 public:
  using Map = resources::ShardMap;
  struct Answer {
    int status = 0;
    std::string type;  // of an exception, "" for none
    json::Value body;
    std::vector<net::OwnedHeader> headers;
    const std::string& message() const { return body["message"].AsString(); }
  };

  RunningShard() : folder_(std::filesystem::temp_directory_path() / ("shard-" + NewUuid())) {
    options.data = (folder_ / "data").string();
    options.store = (folder_ / "store").string();
    options.token = "token of the test";
    options.io_threads = 2;
    master_key_ = std::move(*MasterKey::FromText(std::string(64, '7')));
    options.master_key = master_key_.get();
    options.lane.segment_bytes = 4 * kMiB;
    std::filesystem::create_directories(MapFolder());
  }
  ~RunningShard() {
    server.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start() {
    server.reset();
    auto started = ShardServer::Start(options);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    server = std::move(started).value();
  }
  std::string Endpoint() const { return "http://127.0.0.1:" + std::to_string(server->port()); }
  std::string Folder() const { return folder_.string(); }

  // `shards` open shards over equal ranges, from an epoch of now on: an older one would be of a
  // time before the volume, and missing.
  static Map MapOf(const std::string& name, uint32_t shards, uint64_t uid = 7) {
    Map map;
    map.version = 1;
    map.stream_uid = uid;
    map.stream_name = name;
    map.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/" + name;
    map.created_ms = 1'763'700'000'000;
    static const auto first_epoch = static_cast<uint64_t>(SystemClock().WallNow() / 1'000);
    map.consumers = {{"app", map.stream_arn + "/consumer/app:1763700000", 1'763'700'000'000}};
    const uint64_t step = shards == 1 ? 0 : UINT64_MAX / shards + 1;
    for (uint32_t i = 0; i < shards; ++i) {
      resources::MapShard shard{
          .index = i, .start = {step * i, 0}, .end = {step * (i + 1) - 1, UINT64_MAX}};
      if (i + 1 == shards) shard.end = resources::HashKey::Max();
      shard.created_ms = map.created_ms;
      shard.extents = {{.epoch = first_epoch + i, .owner = "shard-0"}};
      map.shards.push_back(std::move(shard));
    }
    map.next_shard_index = shards;
    map.last_epoch = first_epoch + shards;
    return map;
  }
  // Closes shard 0, whose range goes to two children.
  static Map Split(Map map) {
    ++map.version;
    map.shards[0].closed_ms = map.created_ms + 1;
    const resources::HashKey middle{map.shards[0].end.high / 2 + 1, 0};
    for (const bool left : {true, false}) {
      resources::MapShard child{
          .index = map.next_shard_index++,
          .start = left ? map.shards[0].start : middle,
          .end = left ? resources::HashKey{middle.high - 1, UINT64_MAX} : map.shards[0].end,
          .parent = 0};
      child.created_ms = map.created_ms + 1;
      child.extents = {{.epoch = ++map.last_epoch + 100, .owner = "shard-0"}};
      map.shards.push_back(std::move(child));
    }
    return map;
  }

  void PutMap(const Map& map) {
    const std::string path =
        MapFolder() + "/" + map.stream_name + "." + std::to_string(map.stream_uid) + ".json";
    std::ofstream(path + ".new") << json::WriteJson(
        json::Object{{"kind", "ShardMap"}, {"spec", map.ToValue()}});
    std::filesystem::rename(path + ".new", path);
  }
  // Until the process says that it serves this version.
  void AwaitVersion(uint64_t uid, uint64_t version) {
    for (int i = 0; i < 2000; ++i) {
      const json::Value status = Status();
      for (const json::Value& stream : status["streams"].AsArray()) {
        if (stream["uid"].AsString() == std::to_string(uid) &&
            stream["appliedVersion"].AsInt() >= static_cast<int64_t>(version)) {
          return;
        }
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "version " << version << " is not applied";
  }
  json::Value Status() {
    net::HttpClient client("http://127.0.0.1:" + std::to_string(server->admin_port()));
    net::ClientRequest request{
        .method = "GET", .target = "/internal/v1/status", .headers = {}, .body = {}};
    request.headers.emplace_back("x-millrace-token", options.token);
    const auto answer = client.Send(request);
    return answer.ok() ? json::ParseJson(answer->body).value_or({}) : json::Value();
  }

  static net::ClientRequest RequestOf(const std::string& operation, aws::Protocol protocol,
                                      std::string body) {
    net::ClientRequest request;
    request.headers = {{"Content-Type", std::string(aws::ContentType(protocol))},
                       {"X-Amz-Target", "Kinesis_20131202." + operation}};
    request.body = std::move(body);
    return request;
  }
  Answer Call(const std::string& operation, const json::Value& input,
              aws::Protocol protocol = aws::Protocol::kJson) {
    return Send(RequestOf(operation, protocol, aws::EncodeBody(protocol, input)), protocol);
  }
  Answer Send(const net::ClientRequest& request, aws::Protocol protocol = aws::Protocol::kJson) {
    net::HttpClient client(Endpoint());
    auto response = client.Send(request);
    Answer answer;
    if (!response.ok()) return answer;
    answer.status = response->status;
    answer.headers = response->headers;
    answer.body = aws::DecodeBody(protocol, response->body).value_or(json::Value(response->body));
    answer.type = std::as_const(answer.body)["__type"].AsString();
    return answer;
  }

  // Keys and data by which tests know records.
  static json::Value Entry(const std::string& data, const std::string& key = "k") {
    return json::Object{{"Data", json::Blob{data}}, {"PartitionKey", key}};
  }
  std::string Iterator(const std::string& stream, const std::string& shard,
                       const std::string& type = "TRIM_HORIZON") {
    return Call("GetShardIterator",
                json::Object{
                    {"StreamName", stream}, {"ShardId", shard}, {"ShardIteratorType", type}})
        .body["ShardIterator"]
        .AsString();
  }
  // The data of all records of a shard, in order.
  std::vector<std::string> ReadShard(const std::string& stream, const std::string& shard) {
    std::vector<std::string> data;
    std::string at = Iterator(stream, shard);
    while (!at.empty()) {
      const Answer answer =
          Call("GetRecords", json::Object{{"ShardIterator", at}}, aws::Protocol::kCbor);
      EXPECT_EQ(answer.status, 200) << answer.message();
      for (const json::Value& record : answer.body["Records"].AsArray())
        data.push_back(record["Data"].AsBlob());
      if (answer.body["Records"].AsArray().empty() &&
          answer.body["MillisBehindLatest"].AsInt(1) == 0)
        break;
      at = answer.body["NextShardIterator"].AsString();
    }
    return data;
  }

  ShardServerOptions options;
  std::unique_ptr<ShardServer> server;

 private:
  std::string MapFolder() const { return options.store + "/shardmaps/default"; }
  const std::filesystem::path folder_;
  std::unique_ptr<MasterKey> master_key_;
};

// A SubscribeToShard call on a thread of its own; keeps what comes.
class RunningSubscription {
 public:
  RunningSubscription(const RunningShard& shard, json::Value input,
                      aws::Protocol protocol = aws::Protocol::kJson)
      : protocol_(protocol), client_(shard.Endpoint()) {
    thread_ = std::thread([this, input = std::move(input)] { Run(input); });
  }
  ~RunningSubscription() {
    stop_ = true;
    client_.Abort();
    thread_.join();
  }

  // The first `count` events, initial response included; fewer when time or the stream ends first.
  std::vector<aws::EventMessage> Events(size_t count) {
    for (int i = 0; i < 2000; ++i) {
      std::lock_guard lock(mu_);
      if (events_.size() >= count || ended_) return events_;
      mu_.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      mu_.lock();
    }
    return {};
  }
  // The data of all records so far, once there are `count`.
  std::vector<std::string> Records(size_t count) {
    std::vector<std::string> data;
    for (int i = 0; i < 2000 && data.size() < count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      std::lock_guard lock(mu_);
      data.clear();
      for (const aws::EventMessage& event : events_) {
        const json::Value payload = Payload(event);
        for (const json::Value& record : payload["Records"].AsArray()) {
          data.push_back(protocol_ == aws::Protocol::kCbor ? record["Data"].AsBlob()
                                                           : record["Data"].AsString());
        }
      }
    }
    return data;
  }
  json::Value Payload(const aws::EventMessage& event) const {
    return aws::DecodeBody(protocol_, event.payload).value_or({});
  }
  bool Ended() {
    for (int i = 0; i < 2000; ++i) {
      {
        std::lock_guard lock(mu_);
        if (ended_) return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  int status() {
    std::lock_guard lock(mu_);
    return status_;
  }

 private:
  void Run(const json::Value& input) {
    aws::EventDecoder decoder;
    const auto request =
        RunningShard::RequestOf("SubscribeToShard", protocol_, aws::EncodeBody(protocol_, input));
    const auto response = client_.Stream(request, [&](std::string_view bytes) {
      decoder.Feed(bytes);
      std::lock_guard lock(mu_);
      while (true) {
        auto event = decoder.Next();
        if (!event.ok()) break;
        events_.push_back(std::move(event).value());
      }
      return !stop_;
    });
    std::lock_guard lock(mu_);
    ended_ = true;
    status_ = response.ok() ? response->status : 0;
  }

  const aws::Protocol protocol_;
  net::HttpClient client_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
  std::mutex mu_;
  // Guarded by mu_.
  std::vector<aws::EventMessage> events_;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace millrace::gateway
