#pragma once

#include <set>
#include <string>
#include <string_view>

#include "common/resources/resource.h"

namespace millrace::op {

// On a StreamPool, and by it on its Workload, "true": restarts on purpose go ahead though another
// pod has been down for a while.
inline constexpr std::string_view kRestartAnywayAnnotation = "millrace.dev/restart-anyway";

// Between those who take pods down on purpose and those who place shards: a pod that is to go loses
// its write heads first. Any thread; calls return at once, with what is known. Whoever places
// shards implements it and adds the workload's key to its controller again when an answer changes.
class DrainGate {
 public:
  virtual ~DrainGate() = default;
  // These pods of the workload are to lose their write heads and get no new ones; all others may
  // have some. Told at every reconcile, also when nothing has changed.
  virtual void SetDraining(const resources::ResourceKey& workload,
                           const std::set<std::string>& pods) = 0;
  // Whether no write head is on the pod any more, and its extents are sealed. False where that is
  // not known.
  virtual bool IsDrained(const resources::ResourceKey& workload, const std::string& pod) const = 0;
  // Whether, besides, no stream needs what is on its volume. False where that is not known.
  virtual bool IsEmpty(const resources::ResourceKey& workload, const std::string& pod) const = 0;
  // How many pieces of what the pod should have are not on its volume, as far as it says.
  virtual size_t Missing(const resources::ResourceKey&, const std::string&) const { return 0; }
};

}  // namespace millrace::op
