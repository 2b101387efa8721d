#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cluster/pod_load.h"
#include "common/base/clock.h"
#include "common/json/value.h"
#include "common/kube/client.h"

namespace millrace::cli {

// An operator's Lease, with where it was looked for.
struct LeaderView {
  kube::ObjectName lease;
  std::string holder;  // "" where nobody leads
  WallMs renewed_ms = 0;
  WallMs since_ms = 0;
  // A leader renews each second.
  bool IsAlive(WallMs now) const { return !holder.empty() && now - renewed_ms < 15'000; }
};

// Everything of Millrace in a cluster as it was read at one moment: what `status` and `why` are
// made from, without asking again. Kinds that may not be read are named in `unread` and are empty
// here. A value.
struct ClusterView {
  std::vector<json::Value> pools;
  std::vector<json::Value> workloads;
  std::vector<json::Value> streams;
  std::vector<json::Value> users;
  std::vector<json::Value> pods;  // with our part-of label
  std::vector<json::Value> claims;
  std::vector<json::Value> events;  // only after ReadEvents
  std::vector<LeaderView> leaders;
  std::optional<std::map<std::string, PodLoad>> loads;  // by pod; nothing where maps are unknown
  std::vector<std::string> unread;
  WallMs now = 0;
};

namespace types {
const kube::ResourceType& Stream();
const kube::ResourceType& StreamPool();
const kube::ResourceType& StreamUser();
const kube::ResourceType& Workload();
const kube::ResourceType& ShardMap();
const kube::ResourceType& ShardMapSlice();
}  // namespace types

// Reads all namespaces, or, kind by kind, only `ns` where the user may see no more. Fails where the
// server does not answer, does not know our kinds, or lets nothing at all be read.
Result<ClusterView> ReadCluster(kube::Client& client, const std::string& ns, WallMs now);
// Adds the events of these namespaces.
void ReadEvents(kube::Client& client, const std::vector<std::string>& namespaces,
                ClusterView& view);
// Every stream's map, put together from its slices.
Result<std::vector<resources::ShardMap>> ReadMaps(kube::Client& client, const std::string& ns);

// The object of that name, in any namespace where `ns` is ""; nullptr where there is none.
const json::Value* FindObject(const std::vector<json::Value>& objects, std::string_view ns,
                              std::string_view name);
// The pool a stream's shards are on: the one of its own namespace, else of another.
const json::Value* PoolOf(const ClusterView& view, const json::Value& stream);
std::string PoolNameOf(const json::Value& stream);
// Pods, and volume claims, of a pool's workload, by name.
std::vector<const json::Value*> OfWorkload(const std::vector<json::Value>& objects,
                                           const kube::ObjectName& workload);

// An API time as milliseconds; 0 where there is none.
WallMs TimeOf(const json::Value& text);
// "5m" since then; "?" where that is not known.
std::string Ago(WallMs then, WallMs now);
const std::string& LabelOf(const json::Value& object, std::string_view label);

}  // namespace millrace::cli
