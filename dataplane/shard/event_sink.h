#pragma once

#include <optional>

#include "common/async/executor.h"
#include "common/base/bytes.h"

namespace millrace::shard {

// The connection's side of a subscription. Lives on the connection's executor, where every method
// is called unless it says otherwise; shared by that side and the subscription.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Executor& executor() = 0;  // any thread
  virtual void Write(Slice event) = 0;
  // Nothing comes after it.
  virtual void End() = 0;

  // Bytes given to the sink that the kernel has not taken, those still being handed over included.
  // `Reserve` counts before the hand-over; both on any thread.
  virtual void Reserve(size_t bytes) = 0;
  virtual size_t QueuedBytes() const = 0;
  // Asks for one call of the drained callback when QueuedBytes has fallen to 0; false where it has
  // already, and then there is no call. Any thread.
  virtual bool AskForDrained() = 0;
};

}  // namespace millrace::shard
