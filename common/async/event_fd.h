#pragma once

#include <memory>

#include "common/async/io_threads.h"

namespace millrace {

// A kernel eventfd whose signals run a callback on an IoExecutor: how completions of kernel AIO
// reach an event loop. Made, used and destroyed on that executor; owned by whoever waits for the
// signals. Signals that come close together may run the callback once. After destruction it never
// runs.
class EventFd {
 public:
  EventFd(IoExecutor& executor, UniqueFunction<void()> on_signal);
  ~EventFd();
  EventFd(const EventFd&) = delete;
  // To hand to the kernel; valid while this lives.
  int fd() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace millrace
