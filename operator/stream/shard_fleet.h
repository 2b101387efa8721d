#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "operator/stream/shard_status_client.h"

namespace millrace::op {

// A shard process to follow.
struct FleetPod {
  std::string name;
  std::string admin_endpoint;  // "http://10.0.0.7:8080"; "": it has no address yet
  bool leaving = false;        // is to go down on purpose
  auto operator<=>(const FleetPod&) const = default;
};

// Follows every shard process of every pool and says what is known of them: who answers, who has
// been silent for how long, and what each reports of a stream. Owned by main; safe on any thread;
// Stop (or the destructor) waits for its threads, one a pod.
class ShardFleet {
 public:
  // A pod that has been silent for so long is away: its write heads move.
  static constexpr Duration kAwayAfter = std::chrono::milliseconds(1500);

  // `on_stream` is told the uids of streams whose report changed, `on_pods` that pods came, went,
  // began or ceased to answer, or are to leave; both on threads of this class or of SetPods.
  ShardFleet(Clock& clock, std::string token, std::function<void(uint64_t uid)> on_stream,
             std::function<void()> on_pods);
  ~ShardFleet() { Stop(); }
  void Stop();

  // The pods of a pool from now on, and where it is. A pod that keeps its name and endpoint is
  // followed on.
  void SetPods(const std::string& pool, std::vector<FleetPod> pods, const std::string& ns = "");
  void RemovePool(const std::string& pool);

  ObservedPool Observe(const std::string& pool, uint64_t uid) const;
  // Pods that have answered at some time, but for those of which it is not clear whether they do.
  std::map<std::string, bool> Answering(const std::string& pool) const;
  bool AnyReady() const;
  // Extents that maps say are the pod's, and that are not on its volume.
  size_t MissingExtents(const std::string& pool, const std::string& pod) const;
  // Whether every pod of every pool speaks TLS with the others, as each said last; nothing while
  // one has never said, unless another says no.
  std::optional<bool> AllSpeakTls() const;
  // Whether each pod has answered, or has been silent for long enough to say that it is away:
  // before, nothing is to be judged by its silence.
  bool HasSettled() const;
  // Whether each pod answers and none is to leave.
  bool AllOpen() const;
  // The fullest log of a pool, and whether any is full; nothing where no pod has said.
  std::optional<LogFigures> FullestLog(const std::string& pool) const;

 private:
  struct Followed {
    FleetPod pod;
    std::shared_ptr<ShardStatusClient> client;  // nullptr where there is nobody to ask
    MonoTime since{};                           // of this endpoint
  };
  using Pods = std::map<std::string, Followed>;  // by name
  Followed Follow(FleetPod pod);
  PoolPod::State StateOf(const Followed& followed) const;
  bool AllOf(const std::function<bool(PoolPod::State)>& holds) const;

  Clock& clock_;
  const std::string token_;
  const std::function<void(uint64_t)> on_stream_;
  const std::function<void()> on_pods_;
  mutable std::mutex mu_;
  bool stopped_ = false;
  std::map<std::string, Pods> pools_;
  std::map<std::string, std::string> namespaces_;  // by pool
};

}  // namespace millrace::op
