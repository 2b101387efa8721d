#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/async/executor.h"
#include "common/async/worker_pool.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace millrace::peer {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

// Host names to addresses, on threads of its own since the system's resolver blocks: for 5 s where
// one of the cluster's name servers went with its node. What was found last is remembered for then;
// otherwise every answer is new, since a pod that comes back has another address under the same
// name. Made in main; asked on executors.
class Resolver {
 public:
  using Look = std::function<Result<SocketAddress>(const std::string& host, uint16_t port)>;
  // `look` blocks; the system's without one. kNotFound: there is no such name now.
  explicit Resolver(Look look = {});
  // Called on `executor`, where `done` runs, too: before the return where `host` is an address
  // itself, or was looked up a moment ago.
  void Resolve(const std::string& host, uint16_t port, Executor& executor,
               UniqueFunction<void(Result<SocketAddress>)> done);
  void Stop() { workers_.Stop(); }

 private:
  static constexpr size_t kWaitingMax = 256;
  // Asked once, answered once, on its executor.
  struct Question {
    Executor* executor;
    UniqueFunction<void(Result<SocketAddress>)> done;  // null once it has run
  };
  using QuestionPtr = std::shared_ptr<Question>;
  struct Host {
    std::optional<SocketAddress> last;
    MonoTime found_at{};
    int questions = 0;  // on their way; one that takes long may have gone to a dead server
    MonoTime asked_at{};
    std::vector<QuestionPtr> waiting;
  };
  using Name = std::pair<std::string, uint16_t>;
  static void Answer(const QuestionPtr& question, Result<SocketAddress> address);
  void Ask(const Name& name);
  void Told(const Name& name, Result<SocketAddress> found);

  const Look look_;
  std::mutex mu_;
  std::map<Name, Host> hosts_;  // guarded by mu_
  WorkerPool workers_;
};

}  // namespace millrace::peer
