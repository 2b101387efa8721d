#include "cli/agent/flow.h"

#include <algorithm>
#include <thread>

#include "common/codec/digest.h"
#include "common/log/log.h"

namespace millrace::cli {
namespace {

constexpr std::chrono::milliseconds kPauseFirst(100);
constexpr std::chrono::milliseconds kPauseMost(10'000);
// Files are not read further while this much waits to be sent.
constexpr size_t kWaitingBytesMax = 16 * 1024 * 1024;
// A record and its key must fit AWS's 1 MiB.
constexpr size_t kDataBytesMax = 1024 * 1024 - 64;

void Sleep(std::chrono::milliseconds time, const std::atomic<bool>& stop) {
  constexpr std::chrono::milliseconds kStep(20);
  for (std::chrono::milliseconds slept(0); slept < time && !stop; slept += kStep) {
    std::this_thread::sleep_for(std::min(kStep, time - slept));
  }
}

}  // namespace

Flow::Flow(const FlowConfig& config, RecordConverter converter, CheckpointStore& checkpoints,
           ApiOptions api)
    : config_(config),
      converter_(std::move(converter)),
      checkpoints_(checkpoints),
      client_(std::move(api)),
      tail_(config, checkpoints),
      random_(SecureRandom64()) {}

void Flow::Run(const std::atomic<bool>& stop) {
  while (!stop) {
    std::vector<PendingRecord> records;
    if (waiting_bytes_ < kWaitingBytesMax) {
      Status polled = tail_.Poll(records);
      if (!polled.ok())
        log::Error("files cannot be followed",
                   {{"pattern", config_.file_pattern}, {"error", polled.ToString()}});
    }
    bool read_something = !records.empty();
    Convert(std::move(records));
    while (Due() && !stop) {
      Status sent = SendBatch(stop);
      if (!sent.ok())
        log::Error("records cannot be sent",
                   {{"stream", config_.stream}, {"error", sent.ToString()}});
    }
    if (!read_something) Sleep(std::chrono::milliseconds(config_.poll_ms), stop);
  }
  // One last try for what was read; what fails is read again after the next start.
  while (!waiting_.empty() && SendBatch(stop).ok()) {
  }
}

void Flow::Convert(std::vector<PendingRecord> records) {
  for (PendingRecord& record : records) {
    std::optional<std::string> converted = converter_.Convert(record.data);
    if (!converted) {
      ++counters_.unmatched;
      // The checkpoint passes over the line with the records before it.
      if (!record.file.empty() && !waiting_.empty() && waiting_.back().file.empty()) {
        waiting_.back().file = record.file;
        waiting_.back().after = record.after;
      }
      continue;
    }
    record.data = std::move(*converted);
    if (record.data.size() > kDataBytesMax) record.data.resize(kDataBytesMax);
    if (waiting_.empty()) oldest_ = SystemClock().Now();
    waiting_bytes_ += record.data.size();
    waiting_.push_back(std::move(record));
  }
}

bool Flow::Due() const {
  if (waiting_.empty()) return false;
  return static_cast<int64_t>(waiting_.size()) >= config_.buffer_records_max ||
         static_cast<int64_t>(waiting_bytes_) >= config_.buffer_bytes_max ||
         SystemClock().Now() - oldest_ >= std::chrono::milliseconds(config_.buffer_age_ms_max);
}

Status Flow::SendBatch(const std::atomic<bool>& stop) {
  json::Array entries;
  size_t bytes = 0;
  size_t count = 0;
  std::map<std::string, FileCheckpoint> checkpoints;
  while (count < waiting_.size() && static_cast<int64_t>(count) < config_.buffer_records_max &&
         (count == 0 ||
          static_cast<int64_t>(bytes + waiting_[count].data.size()) <= config_.buffer_bytes_max)) {
    const PendingRecord& record = waiting_[count];
    json::Value entry;
    std::string key = config_.deterministic_key ? codec::Hex(codec::Md5(record.data))
                                                : std::to_string(random_.Next());
    entry.Set("Data", json::Blob{record.data});
    entry.Set("PartitionKey", key);
    entries.push_back(std::move(entry));
    bytes += record.data.size();
    if (!record.file.empty()) checkpoints[record.file] = record.after;
    ++count;
  }
  auto pause = kPauseFirst;
  while (!entries.empty()) {
    Status put = PutOnce(entries);
    if (put.ok() && entries.empty()) break;
    ++counters_.failures;
    if (stop) return put.ok() ? Unavailable("stopped before everything was taken") : put;
    if (!put.ok())
      log::Warning("put failed; trying again",
                   {{"stream", config_.stream}, {"error", put.ToString()}});
    Sleep(pause, stop);
    pause = std::min(pause * 2, kPauseMost);
  }
  counters_.records += count;
  counters_.bytes += bytes;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  waiting_bytes_ -= bytes;
  oldest_ = SystemClock().Now();
  return checkpoints.empty() ? OkStatus() : checkpoints_.Save(checkpoints);
}

// Leaves in `entries` what was not taken.
Status Flow::PutOnce(json::Array& entries) {
  json::Value input;
  input.Set("StreamName", config_.stream);
  input.Set("Records", entries);
  ASSIGN_OR_RETURN(json::Value answer, client_.Kinesis("PutRecords", input));
  const json::Array& results = answer["Records"].AsArray();
  if (results.size() != entries.size())
    return Internal("PutRecords answered for another number of records");
  json::Array left;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].Has("ErrorCode")) left.push_back(std::move(entries[i]));
  }
  entries = std::move(left);
  return OkStatus();
}

}  // namespace millrace::cli
