#include "dataplane/delivery/engine/shard_feed.h"

#include "common/log/log.h"

namespace millrace::delivery {

namespace {

// How often a shard without news is asked: what a record waits at most before it is seen.
constexpr std::chrono::milliseconds kPollTime(150);
constexpr std::chrono::seconds kTryAgain(1);
// Batches of one shard that may be on their way: a bound for small ones, whose bytes the buffers
// bound.
constexpr size_t kOpenBatchesMax = 10'000;

Batch MakeBatch(const client::StreamPage& page, const std::string& shard) {
  Batch batch;
  batch.memory.push_back(page.memory);
  batch.records.reserve(page.records.size());
  for (const client::StreamRecord& record : page.records)
    batch.records.push_back({.data = record.data,
                             .origin = {.shard = shard,
                                        .sequence_number = record.sequence_number,
                                        .partition_key = record.partition_key},
                             .arrival_ms = record.arrival_ms});
  return batch;
}

}  // namespace

ShardFeed::ShardFeed(std::string shard, std::string position, client::ReadFrom start,
                     std::unique_ptr<client::StreamReader> reader, Pipeline& pipeline, Clock& clock)
    : shard_(std::move(shard)),
      start_(std::move(start)),
      reader_(std::move(reader)),
      pipeline_(pipeline),
      clock_(clock),
      processors_(pipeline.MakeProcessors()),
      tracker_(std::make_shared<CheckpointTracker>(std::move(position))) {
  thread_ = std::thread([this] { Run(); });
}

ShardFeed::~ShardFeed() { Stop(); }

void ShardFeed::Stop() {
  {
    std::lock_guard lock(mu_);
    is_stopping_ = true;
  }
  stop_.request_stop();
  for (const auto& processor : processors_) processor->Stop();
  stopped_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ShardFeed::Run() {
  for (;;) {
    if (ReadOn()) return;
    if (!Sleep(kTryAgain)) return;
    std::lock_guard lock(mu_);
    if (tracker_->has_failed())
      tracker_ = std::make_shared<CheckpointTracker>(tracker_->delivered());
  }
}

Result<std::string> ShardFeed::Open() {
  if (read_until_.empty()) return reader_->Open(shard_, start_);
  return reader_->Open(shard_,
                       {.kind = client::ReadFrom::Kind::kAfter, .sequence_number = read_until_});
}

bool ShardFeed::ReadOn() {
  read_until_ = position();
  auto iterator = Open();
  Note(iterator.status());
  if (!iterator.ok()) return false;
  for (;;) {
    auto page = reader_->Read(*iterator);
    if (!page.ok() && page.status().code() == Code::kExpiredIterator) {
      iterator = Open();
      Note(iterator.status());
      if (!iterator.ok()) return false;
      continue;
    }
    Note(page.status());
    if (!page.ok()) {
      if (!Sleep(kTryAgain)) return false;
      continue;
    }
    behind_ms_ = page->behind_ms;
    const bool is_empty = page->records.empty();
    *iterator = page->next_iterator;
    if (!is_empty && !HandOn(std::move(*page))) return false;
    if (iterator->empty()) return WaitUntilDelivered();
    {
      std::lock_guard lock(mu_);
      if (is_stopping_ || tracker_->has_failed()) return false;
    }
    if (is_empty && !Sleep(kPollTime)) return false;
  }
}

bool ShardFeed::HandOn(client::StreamPage page) {
  std::shared_ptr<CheckpointTracker> tracker;
  {
    std::lock_guard lock(mu_);
    tracker = tracker_;
  }
  // A failed batch stays open for good, so that one wouldn't be waited out.
  while (tracker->open_count() >= kOpenBatchesMax)
    if (tracker->has_failed() || !Sleep(kPollTime)) return false;
  read_until_ = page.records.back().sequence_number;
  Batch batch = MakeBatch(page, shard_);
  records_read_ += batch.records.size();
  for (const Record& record : batch.records) bytes_read_ += record.data.size();
  batch.receipt = tracker->Begin(read_until_);
  pipeline_.KeepSource(batch, stop_.get_token());
  for (const auto& processor : processors_) {
    for (;;) {
      const Status status = processor->Process(batch);
      Note(status);
      if (status.ok()) break;
      if (Sleep(kTryAgain)) continue;
      batch.receipt->Fail();
      return false;
    }
  }
  pipeline_.Deliver(std::move(batch), stop_.get_token());
  return true;
}

// The shard's end: waits for what is on its way.
bool ShardFeed::WaitUntilDelivered() {
  std::shared_ptr<CheckpointTracker> tracker;
  {
    std::lock_guard lock(mu_);
    tracker = tracker_;
  }
  tracker->End();
  while (!tracker->is_complete())
    if (tracker->has_failed() || !Sleep(kPollTime)) return false;
  return true;
}

void ShardFeed::Note(const Status& status) {
  std::lock_guard lock(mu_);
  if (!status.ok() && error_.empty())
    log::Warning("a shard waits", {{"shard", shard_}, {"error", status.ToString()}});
  error_ = status.ok() ? std::string() : status.ToString();
}

bool ShardFeed::Sleep(Duration time) {
  std::unique_lock lock(mu_);
  stopped_.wait_for(lock, time, [&] { return is_stopping_; });
  return !is_stopping_;
}

std::string ShardFeed::position() const {
  std::lock_guard lock(mu_);
  return tracker_->delivered();
}

bool ShardFeed::is_complete() const {
  std::lock_guard lock(mu_);
  return tracker_->is_complete();
}

std::string ShardFeed::error() const {
  std::lock_guard lock(mu_);
  return error_;
}

}  // namespace millrace::delivery
