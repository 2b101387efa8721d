#include "cli/bench/fan_out_latency.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "common/codec/base64.h"

namespace millrace::cli {
namespace {

int64_t NowNs() { return SystemClock().Now().count(); }

struct Target {
  std::string stream_arn;
  std::string shard_id;
  std::string hash_key;
  std::vector<std::string> consumer_arns;
};

Result<std::string> ConsumerArn(ApiClient& client, const std::string& stream_arn,
                                const std::string& name) {
  json::Value input;
  input.Set("StreamARN", stream_arn);
  input.Set("ConsumerName", name);
  Result<json::Value> made = client.Kinesis("RegisterStreamConsumer", input);
  if (!made.ok() && made.status().code() != Code::kResourceInUse) return made.status();
  for (int i = 0; i < 500; ++i) {
    ASSIGN_OR_RETURN(json::Value found, client.Kinesis("DescribeStreamConsumer", input));
    const json::Value& consumer = found["ConsumerDescription"];
    if (consumer["ConsumerStatus"].AsString() == "ACTIVE")
      return consumer["ConsumerARN"].AsString();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return Status(Code::kTimeout, "consumer " + name + " does not become ACTIVE");
}

Result<Target> Prepare(ApiClient& client, const FanOutOptions& options) {
  Target target;
  json::Value by_name;
  by_name.Set("StreamName", options.stream);
  ASSIGN_OR_RETURN(json::Value summary, client.Kinesis("DescribeStreamSummary", by_name));
  target.stream_arn = summary.At("StreamDescriptionSummary", "StreamARN").AsString();
  json::Value filter;
  filter.Set("Type", "AT_LATEST");
  by_name.Set("ShardFilter", std::move(filter));
  ASSIGN_OR_RETURN(json::Value shards, client.Kinesis("ListShards", by_name));
  if (shards["Shards"].AsArray().empty())
    return NotFound("stream " + options.stream + " has no open shard");
  const json::Value& shard = shards["Shards"].AsArray()[0];
  target.shard_id = shard["ShardId"].AsString();
  target.hash_key = shard.At("HashKeyRange", "StartingHashKey").AsString();
  for (size_t i = 0; i < options.consumers; ++i) {
    ASSIGN_OR_RETURN(std::string arn,
                     ConsumerArn(client, target.stream_arn, "bench-" + std::to_string(i)));
    target.consumer_arns.push_back(std::move(arn));
  }
  return target;
}

// One consumer's subscription, until `stop`.
class Consumer {
 public:
  Consumer(const ApiOptions& api, const Target& target, size_t index)
      : client_(api), target_(target), index_(index), thread_([this] { Run(); }) {}
  ~Consumer() { Stop(); }
  void Stop() {
    stop_ = true;
    client_.Abort();
    if (thread_.joinable()) thread_.join();
  }
  bool subscribed() const { return subscribed_; }
  uint64_t received() const { return received_; }
  Status error() const {
    std::lock_guard lock(mu_);
    return error_;
  }
  std::vector<double> TakeLatencies() {
    std::lock_guard lock(mu_);
    return std::move(latencies_ms_);
  }

 private:
  void Run() {
    json::Value input;
    input.Set("ConsumerARN", target_.consumer_arns[index_]);
    input.Set("ShardId", target_.shard_id);
    json::Value position;
    position.Set("Type", "LATEST");
    input.Set("StartingPosition", std::move(position));
    // A second run within five seconds of the first must wait its turn.
    for (int i = 0; i < 8 && !stop_; ++i) {
      Status status =
          client_.Subscribe(input, [this](const json::Value& event) { return Take(event); });
      if (stop_ || status.code() != Code::kResourceInUse) {
        std::lock_guard lock(mu_);
        error_ = stop_ ? OkStatus() : status;
        return;
      }
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  bool Take(const json::Value& event) {
    int64_t now = NowNs();
    subscribed_ = true;
    for (const json::Value& record : event["Records"].AsArray()) {
      ++received_;
      if (index_ != 0) continue;
      std::string data = codec::Base64Decode(record["Data"].AsString()).value_or("");
      int64_t sent = 0;
      std::from_chars(data.data(), data.data() + data.size(), sent);
      std::lock_guard lock(mu_);
      latencies_ms_.push_back(static_cast<double>(now - sent) / 1e6);
    }
    return !stop_;
  }

  ApiClient client_;
  const Target& target_;
  const size_t index_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> subscribed_{false};
  std::atomic<uint64_t> received_{0};
  mutable std::mutex mu_;
  Status error_;
  std::vector<double> latencies_ms_;
  std::thread thread_;
};

Status PutStamped(ApiClient& client, const FanOutOptions& options, const Target& target) {
  json::Value input;
  std::string data = std::to_string(NowNs()) + " ";
  data.resize(std::max(data.size(), options.record_bytes), 'x');
  input.Set("StreamName", options.stream);
  input.Set("Data", json::Blob{std::move(data)});
  input.Set("PartitionKey", "bench");
  input.Set("ExplicitHashKey", target.hash_key);
  Result<json::Value> put = client.Kinesis("PutRecord", input);
  return put.ok() ? OkStatus() : put.status();
}

}  // namespace

Result<FanOutResult> RunFanOut(const FanOutOptions& options, const ApiOptions& api,
                               const std::function<void(bool)>& on_measuring) {
  ApiClient client(api);
  ASSIGN_OR_RETURN(Target target, Prepare(client, options));
  std::vector<std::unique_ptr<Consumer>> consumers;
  for (size_t i = 0; i < options.consumers; ++i)
    consumers.push_back(std::make_unique<Consumer>(api, target, i));
  // Records put before a subscription stands would only be seen by some: wait for its first event.
  for (int i = 0; i < 1500; ++i) {
    if (std::all_of(consumers.begin(), consumers.end(), [](auto& c) { return c->subscribed(); }))
      break;
    for (auto& consumer : consumers) RETURN_IF_ERROR(consumer->error());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  FanOutResult result;
  on_measuring(true);
  MonoTime began = SystemClock().Now();
  auto gap = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(1.0 / options.puts_per_second));
  auto count = static_cast<uint64_t>(options.seconds * options.puts_per_second);
  for (; result.sent < count; ++result.sent) {
    RETURN_IF_ERROR(PutStamped(client, options, target));
    MonoTime due = began + gap * static_cast<int64_t>(result.sent + 1);
    if (Duration ahead = due - SystemClock().Now(); ahead > Duration::zero())
      std::this_thread::sleep_for(ahead);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  on_measuring(false);
  for (auto& consumer : consumers) {
    consumer->Stop();
    result.received += consumer->received();
  }
  result.latencies_ms = consumers[0]->TakeLatencies();
  std::sort(result.latencies_ms.begin(), result.latencies_ms.end());
  return result;
}

}  // namespace millrace::cli
