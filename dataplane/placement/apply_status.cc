#include "dataplane/placement/apply_status.h"

#include <algorithm>
#include <iterator>

namespace millrace::shard {
namespace {

json::Value StreamToValue(uint64_t uid, const StreamStatus& status) {
  json::Array sealed;
  for (const StreamStatus::Sealed& s : status.sealed) {
    sealed.push_back(
        json::Object{{"shard", s.shard}, {"epoch", s.epoch}, {"endIndex", s.end_index}});
  }
  return json::Object{{"uid", std::to_string(uid)},
                      {"name", status.name},
                      {"appliedVersion", status.applied_version},
                      {"dropped", status.dropped},
                      {"sealed", std::move(sealed)},
                      {"lostRecords", status.lost_records},
                      {"error", status.error}};
}

}  // namespace

void ApplyStatus::Set(uint64_t uid, StreamStatus status) {
  std::unique_lock lock(mu_);
  StreamStatus& now = streams_[uid];
  if (now == status) return;
  now = std::move(status);
  Changed(std::move(lock));
}

void ApplyStatus::Forget(uint64_t uid) {
  std::unique_lock lock(mu_);
  if (streams_.erase(uid) > 0) Changed(std::move(lock));
}

void ApplyStatus::SetLog(const LogStatus& log) {
  std::lock_guard lock(mu_);
  log_ = log;
}

uint64_t ApplyStatus::sequence() const {
  std::lock_guard lock(mu_);
  return sequence_;
}

json::Value ApplyStatus::ToValue() const {
  std::lock_guard lock(mu_);
  json::Array streams;
  for (const auto& [uid, status] : streams_) streams.push_back(StreamToValue(uid, status));
  return json::Object{{"sequence", sequence_},
                      {"incarnation", incarnation_},
                      {"streams", std::move(streams)},
                      {"log", json::Object{{"full", log_.full},
                                           {"fullReason", log_.full_reason},
                                           {"fenced", log_.fenced},
                                           {"fileBytes", log_.file_bytes},
                                           {"liveBytes", log_.live_bytes}}}};
}

void ApplyStatus::WhenAfter(uint64_t after, Executor& executor, UniqueFunction<void()> fn) {
  {
    std::lock_guard lock(mu_);
    if (sequence_ <= after) {
      waiters_.push_back({after, &executor, std::move(fn)});
      return;
    }
  }
  executor.Post(std::move(fn));
}

void ApplyStatus::Changed(std::unique_lock<std::mutex> lock) {
  ++sequence_;
  std::vector<Waiter> ready;
  const auto rest = std::partition(waiters_.begin(), waiters_.end(),
                                   [&](const Waiter& w) { return w.after >= sequence_; });
  std::move(rest, waiters_.end(), std::back_inserter(ready));
  waiters_.erase(rest, waiters_.end());
  lock.unlock();
  for (Waiter& waiter : ready) waiter.executor->Post(std::move(waiter.fn));
}

}  // namespace millrace::shard
