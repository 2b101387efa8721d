#include "tests/support/sim_executor.h"

#include <algorithm>

namespace millrace::sim {

uint64_t SimExecutor::Schedule(MonoTime at, UniqueFunction<void()> fn, bool timer) {
  uint64_t sequence = ++sequence_;
  heap_.push_back({at, sequence, timer, std::move(fn)});
  std::push_heap(heap_.begin(), heap_.end(), Later{});
  return sequence;
}

Executor::TimerId SimExecutor::RunAfter(Duration delay, UniqueFunction<void()> fn) {
  TimerId id = Schedule(clock_.Now() + std::max(delay, Duration::zero()), std::move(fn), true);
  timers_.insert(id);
  return id;
}

bool SimExecutor::RunOne() {
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    Event event = std::move(heap_.back());
    heap_.pop_back();
    if (event.timer && timers_.erase(event.sequence) == 0) continue;  // cancelled
    clock_.AdvanceTo(event.at);
    ++events_;
    Trace(static_cast<uint64_t>(event.at.count()));
    event.fn();
    return true;
  }
  return false;
}

bool SimExecutor::RunOneBefore(MonoTime deadline) {
  // Cancelled timers may stand before an event that is not due yet.
  while (!heap_.empty() && heap_.front().timer && !timers_.contains(heap_.front().sequence)) {
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    heap_.pop_back();
  }
  if (!heap_.empty() && heap_.front().at <= deadline) return RunOne();
  if (clock_.Now() < deadline) clock_.AdvanceTo(deadline);
  return false;
}

void SimExecutor::RunFor(Duration duration) {
  const MonoTime until = clock_.Now() + duration;
  while (RunOneBefore(until)) {
  }
}

bool SimExecutor::RunUntilIdle(uint64_t events_max) {
  for (uint64_t i = 0; i < events_max; ++i) {
    if (!RunOne()) return true;
  }
  return false;
}

void SimExecutor::DropAll() {
  // What the callbacks own may post while it is destroyed; that is dropped too.
  while (!heap_.empty()) {
    std::vector<Event> dead;
    dead.swap(heap_);
  }
  timers_.clear();
}

void SimExecutor::Trace(uint64_t what) {
  trace_ = (trace_ ^ what) * 0x9e3779b97f4a7c15ULL;
  trace_ ^= trace_ >> 29;
}

void SimExecutor::Trace(std::string_view what) {
  for (char c : what) Trace(static_cast<uint64_t>(static_cast<unsigned char>(c)));
}

}  // namespace millrace::sim
