#include "operator/engine/work_queue.h"

#include <algorithm>

namespace millrace::op {

using resources::ResourceKey;

void WorkQueue::AddAfter(const ResourceKey& key, Duration delay, Priority priority) {
  {
    std::lock_guard lock(mu_);
    const MonoTime at = clock_.Now() + delay;
    auto [it, added] = due_.try_emplace(key, Due{at, priority});
    Due& due = it->second;
    const Due next{std::min(at, due.at), std::min(priority, due.priority)};
    if (!added && next.at == due.at && next.priority == due.priority) return;
    const bool is_taken = taken_.contains(key);
    if (!added && !is_taken) OrderOf(due).erase({due.at, &it->first});
    due = next;
    if (!is_taken) OrderOf(due).emplace(due.at, &it->first);
  }
  changed_.notify_one();
}

void WorkQueue::AddWithBackoff(const ResourceKey& key, Priority priority) {
  Duration delay = kBackoffFirst;
  {
    std::lock_guard lock(mu_);
    Failing& failing = failures_.try_emplace(key, Failing{0, clock_.Now()}).first->second;
    for (int i = 0; i < failing.row && delay < kBackoffMost; ++i) delay *= 2;
    ++failing.row;
  }
  AddAfter(key, std::min(delay, kBackoffMost), priority);
}

void WorkQueue::Forget(const ResourceKey& key) {
  std::lock_guard lock(mu_);
  failures_.erase(key);
}

std::optional<WorkQueue::Taken> WorkQueue::TakeDue(MonoTime now) {
  auto is_due = [now](const Order& order) { return !order.empty() && order.begin()->first <= now; };
  auto& [changes, backlog] = orders_;
  const bool backlog_waits = is_due(backlog);
  const bool takes_change =
      is_due(changes) && !(backlog_waits && changes_in_a_row_ >= kChangesInARow);
  if (!takes_change && !backlog_waits) return std::nullopt;
  changes_in_a_row_ = takes_change && backlog_waits ? changes_in_a_row_ + 1 : 0;
  Order& order = takes_change ? changes : backlog;
  const auto at = due_.find(*order.begin()->second);
  order.erase(order.begin());
  taken_.emplace(at->first, now);
  const Priority priority = at->second.priority;
  return Taken{due_.extract(at).key(), priority};
}

std::optional<MonoTime> WorkQueue::NextDue() const {
  std::optional<MonoTime> next;
  for (const Order& order : orders_) {
    if (!order.empty()) next = std::min(next.value_or(order.begin()->first), order.begin()->first);
  }
  return next;
}

std::optional<WorkQueue::Taken> WorkQueue::Take() {
  std::unique_lock lock(mu_);
  while (!stopped_) {
    const MonoTime now = clock_.Now();
    if (std::optional<Taken> taken = TakeDue(now)) return taken;
    if (const std::optional<MonoTime> next = NextDue()) {
      changed_.wait_for(lock, *next - now);
    } else {
      changed_.wait(lock);
    }
  }
  return std::nullopt;
}

void WorkQueue::Done(const ResourceKey& key) {
  {
    std::lock_guard lock(mu_);
    taken_.erase(key);
    if (auto it = due_.find(key); it != due_.end()) {
      OrderOf(it->second).emplace(it->second.at, &it->first);
    }
  }
  changed_.notify_one();
}

void WorkQueue::Stop() {
  {
    std::lock_guard lock(mu_);
    stopped_ = true;
  }
  changed_.notify_all();
}

size_t WorkQueue::depth() const {
  std::lock_guard lock(mu_);
  return due_.size();
}

QueueFigures WorkQueue::figures() const {
  std::lock_guard lock(mu_);
  const MonoTime long_ago = clock_.Now() - kStuckAfter;
  QueueFigures figures{due_.size(), failures_.size(), 0};
  for (const auto& [key, failing] : failures_) figures.stuck += failing.since <= long_ago;
  for (const auto& [key, since] : taken_) {
    const auto failing = failures_.find(key);
    const bool is_counted = failing != failures_.end() && failing->second.since <= long_ago;
    if (since <= long_ago && !is_counted) ++figures.stuck;
  }
  return figures;
}

}  // namespace millrace::op
