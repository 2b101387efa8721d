#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "common/async/executor.h"

namespace millrace::peer {

// Which map versions have had their seals here, which is before they are served: what those wait
// for who take write heads over. Any thread.
class SealWatch {
 public:
  void Note(uint64_t stream, uint64_t version);
  // Posts `fn` once this version of the stream, or a newer one, has been sealed; at once where it
  // is. The caller bounds its own wait; `fn` must stand being late.
  void WhenSealed(uint64_t stream, uint64_t version, Executor& executor, UniqueFunction<void()> fn);

 private:
  struct Waiter {
    uint64_t version;
    Executor* executor;
    UniqueFunction<void()> fn;
  };
  std::mutex mu_;
  // Guarded by mu_.
  std::map<uint64_t, uint64_t> sealed_;  // by stream
  std::map<uint64_t, std::vector<Waiter>> waiters_;
};

}  // namespace millrace::peer
