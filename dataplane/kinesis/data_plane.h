#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/kinesis/mailbox.h"
#include "dataplane/peer/peers.h"
#include "dataplane/placement/placement.h"
#include "dataplane/shard/fan_out.h"
#include "dataplane/shard/iterator_token.h"
#include "dataplane/storage/log.h"

namespace millrace::kinesis {

// What every data operation works with. Made by the server before it listens; outlives all
// requests. Each member says itself where it may be used.
struct DataPlane {
  storage::Log& log;
  shard::Placement& placement;
  const shard::IteratorTokens& tokens;
  const Clock& clock;
  Mailboxes mail;
  // By lane; each on its lane's executor.
  std::vector<std::unique_ptr<shard::FanOut>> fan_outs{};
  std::string account = "000000000000";
  // The other pods, and whether this one may still acknowledge; null where there are none.
  peer::Peers* peers = nullptr;
  const peer::Reach* reach = nullptr;

  // Callers are not asked for a signature here, so that streams of other pools, which may be, are
  // not for them; "": every stream is served.
  std::string only_pool{};

  bool silent() const { return reach != nullptr && reach->silent(); }
  // Calls `fn` with whether this pod may take writes, which one that is catching up soon may.
  void WhenReached(Executor& executor, UniqueFunction<void(bool)> fn) const {
    if (reach == nullptr) return fn(true);
    reach->WhenReached(executor, peer::kCatchUpWaitMax, std::move(fn));
  }
  // How long a put waits for the map that follows a seal; shorter than clients wait for an answer.
  Duration reshard_wait_max = std::chrono::seconds(4);
};

// Where the shard's chain lies, for its lane's executor.
inline shard::ChainSource SourceOf(DataPlane& plane, size_t lane) {
  return {plane.log.lane(lane), &plane.log.lane_executor(lane), plane.peers};
}

// Runs `fn` on `executor`: at once where it is this one, else posted.
template <typename Fn>
void RunOn(Executor& executor, Fn fn) {
  if (executor.OnThisExecutor()) return fn();
  executor.Post(std::move(fn));
}

}  // namespace millrace::kinesis
