#pragma once

#include <cstdint>

#include "common/base/clock.h"

namespace millrace::net {

// Watches that bytes keep moving: at least at a given rate in each window of time, one after
// another. A value of whoever moves them.
class ProgressClock {
 public:
  // A window begins, with `bytes` moved before it.
  void Start(MonoTime now, uint64_t bytes) {
    since_ = now;
    bytes_ = bytes;
  }
  // At the end of a window: whether too little moved in it. Begins the next one.
  bool IsTooSlow(MonoTime now, uint64_t bytes, Duration window, double bytes_per_second_min) {
    if (now - since_ < window) return false;
    const double seconds = std::chrono::duration<double>(now - since_).count();
    const bool slow = static_cast<double>(bytes - bytes_) < bytes_per_second_min * seconds;
    Start(now, bytes);
    return slow;
  }

 private:
  MonoTime since_{};
  uint64_t bytes_ = 0;
};

}  // namespace millrace::net
