#pragma once

#include <chrono>
#include <cstdint>

namespace millrace {

// Milliseconds since 1970-01-01 UTC, as AWS counts arrival and expiry.
using WallMs = int64_t;
// A point on a clock that never goes back; only differences mean anything.
using MonoTime = std::chrono::nanoseconds;
using Duration = std::chrono::nanoseconds;

// Where time comes from, so that a simulation can own it. Implementations are safe on any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallMs WallNow() const = 0;
  virtual MonoTime Now() const = 0;
};

// The machine's own clocks. Lives for the whole process.
Clock& SystemClock();

}  // namespace millrace
