#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "cli/api_client.h"
#include "cli/command.h"
#include "common/base/random.h"

namespace millrace::cli {
namespace {

constexpr size_t kRecordsPerCallMax = 500;
constexpr size_t kBytesPerCallMax = 4 * 1024 * 1024;
constexpr int kTriesMax = 8;

// Collects lines and writes them by PutRecords; what is throttled is tried again with back-off.
class Writer {
 public:
  Writer(ApiClient& client, std::string stream, std::string key)
      : client_(client), stream_(std::move(stream)), key_(std::move(key)) {}

  Status Add(std::string line) {
    bytes_ += line.size();
    json::Value entry;
    entry.Set("Data", json::Blob{std::move(line)});
    entry.Set("PartitionKey", key_.empty() ? std::to_string(random_.Next()) : key_);
    entries_.push_back(std::move(entry));
    if (entries_.size() < kRecordsPerCallMax && bytes_ < kBytesPerCallMax) return OkStatus();
    return Flush();
  }

  Status Flush() {
    auto pause = std::chrono::milliseconds(50);
    for (int i = 0; !entries_.empty(); ++i, pause *= 2) {
      if (i == kTriesMax)
        return Unavailable(std::to_string(entries_.size()) +
                           " records were not taken: " + last_error_);
      if (i > 0) std::this_thread::sleep_for(pause);
      RETURN_IF_ERROR(PutOnce());
    }
    bytes_ = 0;
    return OkStatus();
  }

  uint64_t written() const { return written_; }
  const json::Value& last() const { return last_; }

 private:
  Status PutOnce() {
    json::Value input;
    input.Set("StreamName", stream_);
    input.Set("Records", entries_);
    ASSIGN_OR_RETURN(json::Value answer, client_.Kinesis("PutRecords", input));
    json::Array left;
    const json::Array& results = answer["Records"].AsArray();
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].Has("ErrorCode")) {
        last_error_ =
            results[i]["ErrorCode"].AsString() + ": " + results[i]["ErrorMessage"].AsString();
        left.push_back(entries_[i]);
      } else {
        ++written_;
        last_ = results[i];
      }
    }
    entries_ = std::move(left);
    return OkStatus();
  }

  ApiClient& client_;
  const std::string stream_;
  const std::string key_;
  Random random_{SecureRandom64()};
  json::Array entries_;
  size_t bytes_ = 0;
  uint64_t written_ = 0;
  std::string last_error_;
  json::Value last_;
};

}  // namespace

int RunPut(const Arguments& arguments) {
  config::Settings settings(
      "millrace put STREAM [DATA]... [FLAG]...",
      "Writes each DATA as a record; without DATA each line of standard input.");
  const std::string& key = settings.String(
      "partition-key", "", "The partition key of every record; random if not given.", "KEY");
  settings.Letter("partition-key", 'k');
  ApiFlags flags(settings);
  settings.ParseOrExit(arguments);
  const auto& words = settings.positional();
  if (words.empty()) {
    std::fprintf(stderr, "millrace put: say to which stream: millrace put STREAM [DATA]...\n");
    return 2;
  }
  ApiOptions options = flags.Options();
  ApiClient client(options);
  Writer writer(client, words[0], key);
  Status status;
  for (size_t i = 1; i < words.size() && status.ok(); ++i) status = writer.Add(words[i]);
  if (words.size() == 1) {
    std::string line;
    while (status.ok() && std::getline(std::cin, line)) status = writer.Add(std::move(line));
  }
  if (status.ok()) status = writer.Flush();
  if (!status.ok()) return Fail(status, options);
  if (writer.written() == 1) {
    std::printf("1 record written to %s, sequence number %s\n",
                writer.last()["ShardId"].AsString().c_str(),
                writer.last()["SequenceNumber"].AsString().c_str());
  } else {
    std::printf("%llu records written\n", static_cast<unsigned long long>(writer.written()));
  }
  return 0;
}

}  // namespace millrace::cli
