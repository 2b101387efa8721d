#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/kube/client.h"

namespace millrace::kube {

struct LeaseOptions {
  ObjectName name;       // of the Lease
  std::string identity;  // the pod's name and something of this process
  std::chrono::milliseconds duration{3'000};
  std::chrono::milliseconds renew_every{1'000};
  // A leader that has not renewed for so long stops leading by itself; below `duration`.
  std::chrono::milliseconds renew_deadline{2'000};
};

// Leader election by a coordination.k8s.io Lease, for processes of which one may act. A standby
// watches the Lease: it takes over at once when the leader lets go, and `duration` (by its own
// steady clock, never the leader's) after the last change it saw when the leader died. Threads of
// its own; made in main. Stop (or the destructor) calls on_lost where we lead, then lets go of the
// Lease, then returns. Callbacks run on the election's thread and must return within `duration`
// less `renew_deadline`, since it renews; Stop is not called from them.
class LeaderElection {
 public:
  struct Callbacks {
    // We lead. `transitions` rises with every change of leader: a fence for outside actions.
    std::function<void(int64_t transitions)> on_leading;
    // We no longer do, or cannot be sure: acting has ended when this returns.
    std::function<void()> on_lost;
  };
  LeaderElection(Client& client, Clock& clock, LeaseOptions options, Callbacks callbacks);
  ~LeaderElection();
  void Stop();
  bool is_leading() const;
  // How long ago the Lease was last seen to change: much longer than `renew_every` where its holder
  // may be dead. Zero before it was seen.
  Duration quiet_for() const;
  // Who leads, as last seen; "" where nobody does.
  std::string leader() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::kube
