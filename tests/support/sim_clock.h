#pragma once

#include "common/base/check.h"
#include "common/base/clock.h"

namespace millrace::sim {

// Time that moves only when the simulation moves it. One thread. The wall clock follows the
// monotonic one at a distance that a test may change, forwards and backwards.
class SimClock final : public Clock {
 public:
  static constexpr WallMs kStartMs = 1'763'700'000'000;

  WallMs WallNow() const override { return kStartMs + now_.count() / 1'000'000 + skew_ms_; }
  MonoTime Now() const override { return now_; }

  void AdvanceTo(MonoTime now) {
    CHECK(now >= now_);
    now_ = now;
  }
  void JumpWall(WallMs by_ms) { skew_ms_ += by_ms; }

 private:
  MonoTime now_{0};
  WallMs skew_ms_ = 0;
};

}  // namespace millrace::sim
