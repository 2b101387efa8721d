#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "dataplane/peer/messages.h"

namespace millrace::peer {

struct AppendWindowLimits {
  size_t channels_max = 4096;
  size_t unsettled_max = 4096;  // requests of one channel
  Duration channel_idle_max = std::chrono::seconds(60);
};

// What this process has been asked to append and what became of it, so that a request that comes
// twice is done once: kept until its sender says that it is settled. In memory only, since a
// repetition names the incarnation that may have done it and another one refuses. Any thread.
class AppendWindow {
 public:
  using Outcomes = std::vector<AppendOutcome>;
  using Done = UniqueFunction<void(Outcomes)>;
  explicit AppendWindow(uint64_t incarnation, AppendWindowLimits limits = {})
      : incarnation_(incarnation), limits_(limits) {}

  // True: the request is to be done now, and then End is to be called. False: `done` is called with
  // the outcome, now or by whoever does it. A failure: nothing may be done. kConflict: it may have
  // been done by a former incarnation, or is settled. kThrottled: too much is unsettled.
  Result<bool> Begin(const AppendRequest& request, MonoTime now, Done& done);
  // Runs those that waited for it.
  void End(uint64_t channel, uint64_t number, const Outcomes& outcomes);
  size_t unsettled() const;

 private:
  struct Entry {
    std::optional<Outcomes> outcomes;  // none while it is under way
    std::vector<Done> waiting;
  };
  struct ChannelState {
    uint64_t settled_below = 0;
    MonoTime used{};
    std::map<uint64_t, Entry> entries;
  };
  void Expire(MonoTime now);

  const uint64_t incarnation_;
  const AppendWindowLimits limits_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  std::unordered_map<uint64_t, ChannelState> channels_;
};

}  // namespace millrace::peer
