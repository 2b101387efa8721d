#pragma once

#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/peer/peers.h"

namespace millrace::peer {

struct PulseLimits {
  Duration every = std::chrono::milliseconds(500);
  Duration every_isolated = std::chrono::milliseconds(100);
  Duration awake_every = std::chrono::milliseconds(50);  // well below ReachLimits::standstill_max
  size_t peers_max = 8;    // greeted in one round; the others have their turn in the next
  size_t maps_max = 1000;  // told of in one greeting, the latest changes first
  Duration told_for = std::chrono::seconds(10);  // how long a change is news
};

// Tells the other pods what changed lately and hears what changed there, so that a newer map
// reaches those whom the source does not reach; and judges whether this pod has heard anything at
// all. Lives on one executor; Start is posted there, Stop called there.
class Pulse {
 public:
  Pulse(Executor& executor, Peers& peers, shard::Placement& placement, Reach& reach,
        PulseLimits limits = {})
      : executor_(executor), peers_(peers), placement_(placement), reach_(reach), limits_(limits) {}
  void Start() {
    StayAwake();
    Beat();
  }
  void Stop();

 private:
  void Beat();
  // Notes that this process runs, and greets at once when it had stood still.
  void StayAwake();
  // Looks at a table that it has not seen yet.
  void Look(const shard::ShardTable& table);
  KnownMaps News();
  KnownMaps All() const;

  Executor& executor_;
  Peers& peers_;
  shard::Placement& placement_;
  Reach& reach_;
  const PulseLimits limits_;
  Executor::TimerId timer_ = 0;
  Executor::TimerId awake_timer_ = 0;
  bool stopped_ = false;
  size_t turn_ = 0;
  bool silent_ = false;                    // as was last said in the log
  uint64_t generation_ = 0;                // of the table that was looked at last
  std::vector<std::string> others_;        // those of the list, and whoever has a write head
  std::map<uint64_t, uint64_t> versions_;  // by stream
  std::deque<std::pair<MonoTime, KnownMap>> news_;  // the latest last
};

}  // namespace millrace::peer
