#include "dataplane/peer/seal_watch.h"

#include <algorithm>
#include <iterator>

namespace millrace::peer {

void SealWatch::Note(uint64_t stream, uint64_t version) {
  std::vector<Waiter> ready;
  {
    std::lock_guard lock(mu_);
    uint64_t& sealed = sealed_[stream];
    sealed = std::max(sealed, version);
    const auto waiting = waiters_.find(stream);
    if (waiting == waiters_.end()) return;
    std::vector<Waiter>& all = waiting->second;
    const auto rest =
        std::partition(all.begin(), all.end(), [&](const Waiter& w) { return w.version > sealed; });
    std::move(rest, all.end(), std::back_inserter(ready));
    all.erase(rest, all.end());
    if (all.empty()) waiters_.erase(waiting);
  }
  for (Waiter& waiter : ready) waiter.executor->Post(std::move(waiter.fn));
}

void SealWatch::WhenSealed(uint64_t stream, uint64_t version, Executor& executor,
                           UniqueFunction<void()> fn) {
  {
    std::lock_guard lock(mu_);
    const auto sealed = sealed_.find(stream);
    if (sealed == sealed_.end() || sealed->second < version) {
      waiters_[stream].push_back({version, &executor, std::move(fn)});
      return;
    }
  }
  executor.Post(std::move(fn));
}

}  // namespace millrace::peer
