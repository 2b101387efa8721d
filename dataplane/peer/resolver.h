#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "common/async/executor.h"
#include "common/async/worker_pool.h"
#include "common/base/status.h"

namespace millrace::peer {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Host names to addresses, on threads of its own since the system's resolver blocks. Nothing is
// remembered: a pod that comes back has another address under the same name. Made in main; any
// thread asks.
class Resolver {
 public:
  Resolver() : workers_(2, kWaitingMax, "resolve") {}
  // `done` runs on `executor`, before the return where `host` is an address itself.
  void Resolve(const std::string& host, uint16_t port, Executor& executor,
               UniqueFunction<void(Result<SocketAddress>)> done);
  void Stop() { workers_.Stop(); }

 private:
  static constexpr size_t kWaitingMax = 256;
  WorkerPool workers_;
};

}  // namespace millrace::peer
