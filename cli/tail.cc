#include <atomic>
#include <csignal>
#include <cstdio>
#include <deque>
#include <thread>

#include "cli/api_client.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/record_text.h"
#include "common/codec/base64.h"
#include "common/resources/resource.h"

namespace millrace::cli {
namespace {

std::atomic<bool> stop{false};

struct TailOptions {
  std::string stream;
  std::string from;    // LATEST or TRIM_HORIZON
  std::string output;  // table or json
  int64_t records_max = 0;
};

// Reads every shard in turn by GetRecords and follows splits and merges to the children.
class Tail {
 public:
  Tail(ApiClient& client, TailOptions options) : client_(client), options_(std::move(options)) {}

  Status Run() {
    RETURN_IF_ERROR(Open());
    std::fprintf(stderr, "Following %zu shard(s) of %s; Ctrl-C ends it.\n", shards_.size(),
                 options_.stream.c_str());
    while (!stop && !shards_.empty()) {
      bool idle = true;
      for (size_t i = shards_.size(); i > 0 && !stop; --i) {
        Shard shard = std::move(shards_.front());
        shards_.pop_front();
        RETURN_IF_ERROR(ReadOnce(shard, idle));
        if (!shard.iterator.empty()) shards_.push_back(std::move(shard));
        if (options_.records_max > 0 && shown_ >= options_.records_max) return OkStatus();
      }
      if (idle) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    return OkStatus();
  }

 private:
  struct Shard {
    std::string id;
    std::string iterator;
  };

  Status Open() {
    json::Value input;
    input.Set("StreamName", options_.stream);
    json::Value filter;
    filter.Set("Type", options_.from == "LATEST" ? "AT_LATEST" : "AT_TRIM_HORIZON");
    input.Set("ShardFilter", std::move(filter));
    ASSIGN_OR_RETURN(json::Value answer, client_.Kinesis("ListShards", input));
    for (const json::Value& shard : answer["Shards"].AsArray()) {
      RETURN_IF_ERROR(Add(shard["ShardId"].AsString(), options_.from));
    }
    return OkStatus();
  }

  Status Add(const std::string& id, const std::string& type) {
    json::Value input;
    input.Set("StreamName", options_.stream);
    input.Set("ShardId", id);
    input.Set("ShardIteratorType", type);
    ASSIGN_OR_RETURN(json::Value answer, client_.Kinesis("GetShardIterator", input));
    shards_.push_back({id, answer["ShardIterator"].AsString()});
    return OkStatus();
  }

  Status ReadOnce(Shard& shard, bool& idle) {
    json::Value input;
    input.Set("ShardIterator", shard.iterator);
    Result<json::Value> answer = client_.Kinesis("GetRecords", input);
    if (!answer.ok()) {
      // The five reads a second of a PROVISIONED shard: later.
      if (answer.status().code() == Code::kThrottled) return OkStatus();
      return answer.status();
    }
    for (const json::Value& record : (*answer)["Records"].AsArray()) Show(shard, record);
    if (!(*answer)["Records"].AsArray().empty()) idle = false;
    shard.iterator = (*answer)["NextShardIterator"].AsString();
    for (const json::Value& child : (*answer)["ChildShards"].AsArray()) {
      RETURN_IF_ERROR(AddChild(child));
    }
    return OkStatus();
  }

  // A merge names its child at the end of both parents: follow it once.
  Status AddChild(const json::Value& child) {
    const std::string& id = child["ShardId"].AsString();
    for (const std::string& seen : followed_) {
      if (seen == id) return OkStatus();
    }
    followed_.push_back(id);
    return Add(id, "TRIM_HORIZON");
  }

  void Show(const Shard& shard, const json::Value& record) {
    std::string data = codec::Base64Decode(record["Data"].AsString()).value_or("");
    double arrival_s = record["ApproximateArrivalTimestamp"].AsDouble();
    std::string time = resources::FormatTime(static_cast<int64_t>(arrival_s * 1000));
    for (const RecordText& text : DecodeRecord(record["PartitionKey"].AsString(), data)) {
      ++shown_;
      if (options_.output == "json") {
        json::Value line;
        line.Set("shardId", shard.id);
        line.Set("sequenceNumber", record["SequenceNumber"]);
        line.Set("time", time);
        line.Set("partitionKey", text.partition_key);
        line.Set("data", text.text);
        std::printf("%s\n", json::WriteJson(line).c_str());
      } else {
        std::printf("%s  %s  %s\n", time.c_str(), shard.id.substr(shard.id.size() - 4).c_str(),
                    text.text.c_str());
      }
    }
    std::fflush(stdout);
  }

  ApiClient& client_;
  const TailOptions options_;
  std::deque<Shard> shards_;
  std::vector<std::string> followed_;
  int64_t shown_ = 0;
};

}  // namespace

int RunTail(const Arguments& arguments) {
  config::Settings settings(
      "millrace tail STREAM [FLAG]...",
      "Shows the records of a stream as they arrive: time, shard, data. Aggregates of the KPL and "
      "gzip are taken apart.");
  const bool& from_start =
      settings.Bool("from-start", false, "Begin with the oldest record instead of now.");
  const int64_t& records =
      settings.Int("records", 0, {0, INT64_MAX}, "Stop after so many records; 0 goes on.");
  settings.Letter("records", 'n');
  const std::string& output =
      settings.Choice("output", "table", {"table", "json"}, "How to print records.");
  settings.Letter("output", 'o');
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  if (settings.positional().size() != 1) {
    std::fprintf(stderr, "millrace tail: say which stream: millrace tail STREAM\n");
    return 2;
  }
  std::signal(SIGINT, [](int) { stop = true; });
  std::signal(SIGTERM, [](int) { stop = true; });
  ApiOptions options = flags.Options();
  ApiClient client(options);
  TailOptions tail_options{settings.positional()[0], from_start ? "TRIM_HORIZON" : "LATEST", output,
                           records};
  Status status = Tail(client, tail_options).Run();
  return status.ok() || stop ? 0 : Fail(status, options);
}

}  // namespace millrace::cli
