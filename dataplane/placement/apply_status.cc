#include "dataplane/placement/apply_status.h"

#include <algorithm>
#include <iterator>

namespace millrace::shard {
namespace {

json::Array EndsToValue(const std::vector<StreamStatus::Sealed>& ends) {
  json::Array out;
  for (const StreamStatus::Sealed& end : ends) {
    out.push_back(
        json::Object{{"shard", end.shard}, {"epoch", end.epoch}, {"endIndex", end.end_index}});
  }
  return out;
}

json::Value StreamToValue(uint64_t uid, const StreamStatus& status) {
  json::Array unbound;
  for (const StreamStatus::Unbound& extent : status.unbound)
    unbound.push_back(json::Object{{"shard", extent.shard}, {"epoch", extent.epoch}});
  return json::Object{{"uid", std::to_string(uid)},
                      {"name", status.name},
                      {"appliedVersion", status.applied_version},
                      {"dropped", status.dropped},
                      {"sealed", EndsToValue(status.sealed)},
                      {"missing", EndsToValue(status.missing)},
                      {"unbound", std::move(unbound)},
                      {"lostRecords", status.lost_records},
                      {"error", status.error}};
}

}  // namespace

void ApplyStatus::Set(uint64_t uid, StreamStatus status) {
  std::unique_lock lock(mu_);
  auto [at, is_new] = streams_.try_emplace(uid);
  Entry& entry = at->second;
  if (!is_new && entry.status == status) return;
  entry.status = std::move(status);
  entry.changed_at = sequence_ + 1;
  Changed(std::move(lock));
}

void ApplyStatus::Forget(uint64_t uid) {
  std::unique_lock lock(mu_);
  if (streams_.erase(uid) == 0) return;
  gone_.push_back({sequence_ + 1, uid});
  if (gone_.size() > kGoneMax) {
    gone_known_after_ = gone_.front().changed_at;
    gone_.pop_front();
  }
  Changed(std::move(lock));
}

void ApplyStatus::SetLog(const LogStatus& log) {
  std::lock_guard lock(mu_);
  log_ = log;
}

void ApplyStatus::SetVolume(std::string id) {
  std::lock_guard lock(mu_);
  volume_ = std::move(id);
}

void ApplyStatus::SetAbilities(const Abilities& abilities) {
  std::lock_guard lock(mu_);
  abilities_ = abilities;
}

uint64_t ApplyStatus::sequence() const {
  std::lock_guard lock(mu_);
  return sequence_;
}

json::Value ApplyStatus::ToValue(uint64_t after) const {
  std::lock_guard lock(mu_);
  const bool changes_only = after > 0 && after >= gone_known_after_ && after <= sequence_;
  json::Array streams;
  for (const auto& [uid, entry] : streams_) {
    if (!changes_only || entry.changed_at > after)
      streams.push_back(StreamToValue(uid, entry.status));
  }
  size_t missing = 0;
  for (const auto& [uid, entry] : streams_) missing += entry.status.missing.size();
  json::Array gone;
  for (const Gone& item : gone_) {
    if (changes_only && item.changed_at > after && !streams_.contains(item.uid))
      gone.push_back(std::to_string(item.uid));
  }
  json::Array key_names;
  if (abilities_.stream_key_names) {
    for (std::string& name : abilities_.stream_key_names()) key_names.push_back(std::move(name));
  }
  return json::Object{{"sequence", sequence_},
                      {"incarnation", incarnation_},
                      {"volume", volume_},
                      {"missingExtents", static_cast<int64_t>(missing)},
                      {"changesOnly", changes_only},
                      {"gone", std::move(gone)},
                      {"streams", std::move(streams)},
                      {"peerTls", abilities_.peer_tls},
                      {"streamKeys", abilities_.stream_keys},
                      {"streamKeyNames", std::move(key_names)},
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
