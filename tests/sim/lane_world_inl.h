#pragma once

#include "tests/sim/lane_world.h"

namespace millrace::sim {

// Runs events until the condition holds, a problem shows or the time is there; false in the last
// two cases. Virtual time is at the deadline then.
template <typename Condition>
bool LaneWorld::RunUntil(Condition condition, MonoTime deadline) {
  // So much at one instant never ends: on a real loop it is a core that spins.
  constexpr uint64_t kEventsAtOnceMax = 100'000;
  MonoTime last = clock_.Now();
  uint64_t last_events = executor_.events();
  while (!condition()) {
    if (!ok() || !executor_.RunOneBefore(deadline)) return false;
    if (clock_.Now() != last) {
      last = clock_.Now();
      last_events = executor_.events();
    } else if (executor_.events() - last_events > kEventsAtOnceMax) {
      Fail("the lane spins");
    }
  }
  return ok();
}

template <typename F>
auto LaneWorld::Answer(F fn) {
  ++waiting_;
  return [this, life = life_, fn = std::move(fn)](auto result) mutable {
    if (life != life_) return Fail("an answer from before the crash");
    --waiting_;
    fn(std::move(result));
  };
}

}  // namespace millrace::sim
