#pragma once

#include <memory>

#include "common/async/io_threads.h"

namespace millrace::net {

// Told by a SocketWatch, on its executor.
class ReadinessHandler {
 public:
  virtual ~ReadinessHandler() = default;
  virtual void OnReadable() = 0;
  virtual void OnWritable() = 0;
};

// Waits for a socket's readiness on one executor and owns the socket: destroying it closes the file
// descriptor, and handlers that still wait are let go of without a call. On the executor only.
class SocketWatch {
 public:
  SocketWatch(IoExecutor& executor, int fd);
  ~SocketWatch();
  SocketWatch(const SocketWatch&) = delete;
  // Calls the handler once, when it is readable (writable) or broken. One wait of each kind at a
  // time.
  void WaitReadable(std::shared_ptr<ReadinessHandler> handler);
  void WaitWritable(std::shared_ptr<ReadinessHandler> handler);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
