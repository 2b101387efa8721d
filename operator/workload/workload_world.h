#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/workload_resource.h"

namespace millrace::op {

// What the node under a pod says of itself.
enum class NodeState {
  kNone,    // not scheduled
  kUp,      // answers
  kSilent,  // does not: the pod may still run there and write to its volume
  kOff,     // gone, or declared to be off (node.kubernetes.io/out-of-service): nothing runs there
};

struct ObservedPod {
  std::string name;
  std::string uid;
  std::string resource_version;
  std::string revision;
  bool is_ours = true;     // else somebody else's pod has the name
  bool is_orphan = false;  // ours by its labels, but nobody controls it
  bool is_ready = false;
  bool is_going = false;   // deletionTimestamp is set
  bool has_ended = false;  // Failed or Succeeded: nothing runs any more
  WallMs created_ms = 0;
  WallMs ready_changed_ms = 0;  // when it last became ready, or not
  std::string node;
  NodeState node_state = NodeState::kNone;
  bool node_is_cordoned = false;
  bool is_drain_asked = false;  // by a person, by its annotation
  std::string trouble;          // "ImagePullBackOff: ...", "" for none
};

struct ObservedClaim {
  std::string name;
  std::string uid;
  std::string resource_version;
  bool is_ours = true;
  bool is_bound = false;
  bool is_going = false;
  int64_t requested_bytes = 0;
  int64_t capacity_bytes = 0;
  bool is_refused = false;  // the driver cannot give what is requested
  std::optional<WallMs> file_system_pending_since{};
};

// What a pod is to be, as recorded in status before it is acted on.
struct Member {
  std::string name{};
  std::string revision{};
  std::string claim_uid{};
  WallMs moved_ms = 0;
  bool operator==(const Member&) const = default;
};

enum class ClassState { kUnknown, kMissing, kFixed, kExpandable };

// One Workload and everything that is known of it.
struct WorkloadInput {
  resources::ResourceKey key;
  resources::WorkloadSpec spec;
  bool is_deleting = false;      // and waits for its volumes to be removed
  bool restarts_anyway = false;  // kRestartAnywayAnnotation
  bool is_paused = false;        // a person's hands are off: only pods that are gone come back
  // From status.
  std::vector<Member> members;
  std::string stable_revision;
  std::string failed_revision;
  // From the cluster.
  std::vector<ObservedPod> pods;
  std::vector<ObservedClaim> claims;
  std::map<std::string, int64_t> revisions;  // whose template is kept, with their numbers
  ClassState storage_class = ClassState::kUnknown;
  // From the gate.
  std::set<std::string> drained;
  std::set<std::string> empty;
  std::map<std::string, size_t> missing;  // what pods lack that was on another volume; none of 0
  WallMs now = 0;

  const ObservedPod* FindPod(const std::string& name) const;
  const ObservedClaim* FindClaim(const std::string& name) const;
};

std::string MemberName(const std::string& workload, int ordinal);
// -1 where the pod's name is none of the workload's.
int OrdinalOf(const std::string& workload, const std::string& pod);
std::string ClaimName(const std::string& pod);

}  // namespace millrace::op
