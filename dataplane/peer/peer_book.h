#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "dataplane/peer/client_connection.h"

namespace millrace::peer {

// How the other pods are reached: those of a list, and under a domain any name. Immutable after
// Parse; any thread.
class PeerBook {
 public:
  // `list`: "shard-1=10.0.0.7:4570,shard-2=host:4570"; `self` in it is passed over. `domain`: a pod
  // that is not in the list is at <name>.<domain>:<port>; "" for nowhere.
  static Result<PeerBook> Parse(const std::string& self, const std::string& list,
                                std::string domain, uint16_t port);
  // Before it is shared: other pools than the domain's own are in this namespace where nothing
  // else is known.
  void SetHome(std::string home) { home_ = std::move(home); }
  // `ns`: of the pool that the pod is of, where that is known.
  std::optional<PeerAddress> Find(const std::string& name, const std::string& ns = "") const;
  // Those of the list.
  std::vector<std::string> Names() const;
  bool empty() const { return listed_.empty() && domain_.empty(); }

 private:
  std::map<std::string, PeerAddress> listed_;
  std::string domain_;
  std::string home_;
  uint16_t port_ = 0;
};

// Pods are named <pool>-<number>.
std::string_view PoolOf(std::string_view pod);

}  // namespace millrace::peer
