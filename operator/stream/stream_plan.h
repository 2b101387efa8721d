#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/resources/resource.h"
#include "common/resources/shard_map.h"
#include "common/resources/stream_resource.h"
#include "operator/stream/head_placement.h"

namespace millrace::op {

inline constexpr std::string_view kStreamFinalizer = "millrace.dev/shards";

// What shard processes say of one stream (docs/designs/0001, /internal/v1/status).
struct ObservedStream {
  uint64_t applied_version = 0;
  bool dropped = false;
  uint64_t lost_records = 0;
  std::string error;  // why the version after the applied one does not apply, "" for none
  struct SealedExtent {
    uint32_t shard = 0;
    uint64_t epoch = 0;
    uint64_t end_index = 0;
    bool operator==(const SealedExtent&) const = default;
  };
  std::vector<SealedExtent> sealed;
  std::string volume;                 // that the pod was on when it said all this, "" for none
  std::vector<SealedExtent> missing;  // its own by the map; `end_index` of what it has of them
  std::vector<std::pair<uint32_t, uint64_t>> unbound;  // it has them; the map names no volume
  bool operator==(const ObservedStream&) const = default;
};

// How this installation runs, the same for every stream.
struct StreamSettings {
  std::string region = "us-east-1";
  std::string account = "000000000000";
  std::string endpoint;
  bool in_cluster = false;                // on Kubernetes, not on one machine
  std::string ns;                         // of the release, in a cluster
  bool enforce_on_demand_limits = false;  // AWS's per-shard limits on ON_DEMAND streams too
  Duration retain_for = std::chrono::hours(24);
  // A new stream's status is written first when it serves, or after so long: shards open within
  // milliseconds, and a write costs the API server as many.
  Duration first_status_after = Duration::zero();
};

// The pods of a stream's pool and what each says of the stream.
struct ObservedPool {
  bool exists = true;
  std::string ns;  // where it is; "" on one machine
  std::vector<PoolPod> pods;
  std::map<std::string, ObservedStream> streams;  // by pod; last known where a pod is away
  std::set<std::string> volumes_given_up;         // ids; by the pool's annotation
  bool stream_keys = false;                       // every pod wraps data keys by a stream's own key
  // The streams' keys that every pod there has; nothing where none says which.
  std::optional<std::set<std::string>> keys{};
};

// The key that spec.encryption.keySecretRef names.
struct StreamKeyState {
  std::string name;  // under which the pool's pods have it; "" where they have not
  Status problem;    // why not
};

// Records that were given up because a person said so.
struct LossAccepted {
  size_t extents = 0;
  uint64_t records = 0;               // of extents whose end was known
  size_t extents_of_unknown_end = 0;  // which may have had any number of records
  bool more_to_come = false;          // extents on a named volume that cannot be given up yet
};

struct StreamInput {
  resources::Resource stream;
  std::optional<resources::ShardMap> map;
  ObservedPool pool;
  StreamKeyState key;
  // The greatest epoch of incarnations of the same name that are gone, 0 where none is known.
  uint64_t retired_epoch = 0;
  std::string name_taken_by;  // an older Stream with the same AWS name, "" for none
  WallMs now = 0;
};

// What to do next, in this order; each part is left out when there is nothing to do. Planning twice
// on the same world changes nothing.
struct StreamPlan {
  bool add_finalizer = false;              // and plan again
  std::optional<resources::ShardMap> map;  // create or compare-and-set
  bool clear_reshard = false;              // after the map is written
  bool clear_accept_loss = false;          // after the map is written
  LossAccepted lost;                       // by that map
  std::optional<json::Value> status;       // after the map is written
  bool remove_finalizer = false;           // the data plane has let the stream go
  std::optional<Duration> again;
};

// The incarnation's number: the first 64 bits of metadata.uid.
uint64_t StreamUid(const resources::Resource& stream);
// "<name>.<uid in 16 hex digits>"
resources::ResourceKey ShardMapKey(const resources::Resource& stream);

// Pure.
StreamPlan PlanStream(const StreamSettings& settings, const StreamInput& input);

// Brings `map` to what `spec` and the pool's pods ask for; pure. Says whether what is served has
// changed.
Result<bool> UpdateMap(const StreamSettings& settings, const StreamInput& input,
                       const resources::StreamSpec& spec, resources::ShardMap& map);

// Whether every pod that has a write head of `map` has applied what it serves, as far as they say.
bool IsApplied(const ObservedPool& pool, const resources::ShardMap& map);

// status of the Stream (stream_status.cc); pure.
json::Value StreamStatus(const StreamSettings& settings, const StreamInput& input,
                         const Result<resources::StreamSpec>& spec, const resources::ShardMap* map,
                         const Status& problem);

}  // namespace millrace::op
