#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "common/async/executor.h"
#include "tests/support/sim_clock.h"

namespace millrace::sim {

// An event loop on virtual time: nothing waits, the clock jumps to the next event. One thread,
// which counts as being on the executor all the time. Owned by the test, with its clock; outlives
// all that posts to it. Events at the same instant run in the order they were posted.
class SimExecutor final : public Executor {
 public:
  explicit SimExecutor(SimClock& clock) : clock_(clock) {}

  void Post(UniqueFunction<void()> fn) override { Schedule(clock_.Now(), std::move(fn)); }
  TimerId RunAfter(Duration delay, UniqueFunction<void()> fn) override;
  void Cancel(TimerId timer) override { timers_.erase(timer); }
  bool OnThisExecutor() const override { return true; }

  // Runs the next event; false where there is none.
  bool RunOne();
  // The same where it is due by then; else leaves the clock there.
  bool RunOneBefore(MonoTime deadline);
  // Runs what is due until then, and leaves the clock there.
  void RunFor(Duration duration);
  // Runs until nothing is queued; a guard against a loop that never ends is the caller's event
  // limit. False when the limit came first.
  bool RunUntilIdle(uint64_t events_max = 10'000'000);
  // Runs until `condition()` holds, looked at between events; false when nothing is left to run.
  template <typename Condition>
  bool RunUntil(Condition condition) {
    while (!condition()) {
      if (!RunOne()) return false;
    }
    return true;
  }
  // The process dies: nothing that is queued ever runs.
  void DropAll();

  SimClock& clock() { return clock_; }
  uint64_t events() const { return events_; }

  // The trace: what happened when, folded into a number, so that two runs can be compared.
  void Trace(uint64_t what);
  void Trace(std::string_view what);
  uint64_t trace_hash() const { return trace_; }

 private:
  struct Event {
    MonoTime at;
    uint64_t sequence;
    bool timer;
    UniqueFunction<void()> fn;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
    }
  };

  uint64_t Schedule(MonoTime at, UniqueFunction<void()> fn, bool timer = false);

  SimClock& clock_;
  std::vector<Event> heap_;
  std::unordered_set<TimerId> timers_;  // those that are set
  uint64_t sequence_ = 0;
  uint64_t events_ = 0;
  uint64_t trace_ = 0xcbf29ce484222325ULL;
};

}  // namespace millrace::sim
