#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/base/unique_function.h"

namespace millrace {

// A place where callbacks run one after another: one thread's event loop, or a simulation's.
// Objects that say "lives on executor X" are touched only from callbacks of X. Owned by IoThreads
// (or the simulation); outlives everything that posts to it.
class Executor {
 public:
  using TimerId = uint64_t;
  virtual ~Executor() = default;
  // Queues `fn`; any thread. Runs after everything posted before it.
  virtual void Post(UniqueFunction<void()> fn) = 0;
  // Runs `fn` once after `delay` unless cancelled first. On the executor only.
  virtual TimerId RunAfter(Duration delay, UniqueFunction<void()> fn) = 0;
  // Cancelling a timer that ran already does nothing. On the executor only.
  virtual void Cancel(TimerId timer) = 0;
  virtual bool OnThisExecutor() const = 0;
};

}  // namespace millrace
