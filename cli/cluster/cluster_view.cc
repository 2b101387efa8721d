#include "cli/cluster/cluster_view.h"

#include <algorithm>
#include <set>

#include "common/kube_store/kube_store.h"
#include "common/resources/resource.h"

namespace millrace::cli {

using json::Value;

namespace types {

const kube::ResourceType& Stream() {
  static const kube::ResourceType type = kube::MillraceType("Stream", "streams");
  return type;
}
const kube::ResourceType& StreamPool() {
  static const kube::ResourceType type = kube::MillraceType("StreamPool", "streampools");
  return type;
}
const kube::ResourceType& StreamUser() {
  static const kube::ResourceType type = kube::MillraceType("StreamUser", "streamusers");
  return type;
}
const kube::ResourceType& Workload() {
  static const kube::ResourceType type = kube::MillraceType("Workload", "workloads");
  return type;
}
const kube::ResourceType& ShardMap() {
  static const kube::ResourceType type = kube::MillraceType("ShardMap", "shardmaps");
  return type;
}
const kube::ResourceType& ShardMapSlice() {
  static const kube::ResourceType type = kube::MillraceType("ShardMapSlice", "shardmapslices");
  return type;
}

}  // namespace types

namespace {

constexpr std::string_view kPartOf = "app.kubernetes.io/part-of=millrace";
constexpr std::string_view kWorkloadLabel = "millrace.dev/workload";

// Collects lists; what may not be read is noted and the rest goes on.
class Reader {
 public:
  Reader(kube::Client& client, std::string ns, ClusterView& view)
      : client_(client), ns_(std::move(ns)), view_(view) {}

  Status Read(const kube::ResourceType& type, std::string_view label, std::vector<Value>& out) {
    kube::ListOptions options;
    options.label_selector = label;
    Result<kube::ListPage> page = client_.ListAll(type, options);
    if (page.status().code() == Code::kAccessDenied && !ns_.empty()) {
      options.ns = ns_;
      page = client_.ListAll(type, options);
    }
    if (page.status().code() == Code::kAccessDenied) {
      view_.unread.push_back(type.plural + ": " + page.status().message());
      return OkStatus();
    }
    if (!page.ok()) return page.status();
    any_read_ = true;
    out = std::move(page->items);
    return OkStatus();
  }

  Status ReadMapsInto() {
    Result<std::vector<resources::ShardMap>> maps = ReadMaps(client_, "");
    if (maps.status().code() == Code::kAccessDenied) {
      // Those of one namespace alone would make a pod look emptier than it is.
      view_.unread.push_back("shardmaps: " + maps.status().message());
      return OkStatus();
    }
    if (!maps.ok()) return maps.status();
    view_.loads = LoadsOf(*maps);
    return OkStatus();
  }

  void ReadLeader(const kube::ObjectName& name) {
    Result<Value> lease = client_.Get(kube::types::Lease(), name);
    if (!lease.ok() && lease.status().code() != Code::kNotFound) {
      view_.unread.push_back("lease " + name.ToString() + ": " + lease.status().message());
      return;
    }
    LeaderView leader;
    leader.lease = name;
    if (lease.ok()) {
      leader.holder = lease->At("spec", "holderIdentity").AsString();
      leader.renewed_ms = TimeOf(lease->At("spec", "renewTime"));
      leader.since_ms = TimeOf(lease->At("spec", "acquireTime"));
    }
    view_.leaders.push_back(std::move(leader));
  }

  bool any_read() const { return any_read_; }

 private:
  kube::Client& client_;
  const std::string ns_;
  ClusterView& view_;
  bool any_read_ = false;
};

}  // namespace

Result<ClusterView> ReadCluster(kube::Client& client, const std::string& ns, WallMs now) {
  ClusterView view;
  view.now = now;
  Reader reader(client, ns, view);
  RETURN_IF_ERROR(reader.Read(types::Stream(), "", view.streams));
  RETURN_IF_ERROR(reader.Read(types::StreamPool(), "", view.pools));
  RETURN_IF_ERROR(reader.Read(types::Workload(), "", view.workloads));
  RETURN_IF_ERROR(reader.Read(types::StreamUser(), "", view.users));
  if (!reader.any_read()) {
    return Status(Code::kAccessDenied, view.unread.empty() ? "" : view.unread.front());
  }
  RETURN_IF_ERROR(reader.Read(kube::types::Pod(), kPartOf, view.pods));
  RETURN_IF_ERROR(reader.Read(kube::types::PersistentVolumeClaim(), kWorkloadLabel, view.claims));
  RETURN_IF_ERROR(reader.ReadMapsInto());
  std::set<kube::ObjectName> leases;
  for (const Value& pod : view.pods) {
    if (LabelOf(pod, "app.kubernetes.io/component") != "operator") continue;
    leases.insert({kube::NameOf(pod).ns, LabelOf(pod, "app.kubernetes.io/instance") + "-operator"});
  }
  for (const kube::ObjectName& lease : leases) reader.ReadLeader(lease);
  return view;
}

void ReadEvents(kube::Client& client, const std::vector<std::string>& namespaces,
                ClusterView& view) {
  for (const std::string& ns : namespaces) {
    kube::ListOptions options;
    options.ns = ns;
    Result<kube::ListPage> page = client.ListAll(kube::types::Event(), options);
    if (!page.ok()) {
      view.unread.push_back("events of " + ns + ": " + page.status().message());
      continue;
    }
    for (Value& event : page->items) view.events.push_back(std::move(event));
  }
}

Result<std::vector<resources::ShardMap>> ReadMaps(kube::Client& client, const std::string& ns) {
  resources::KubeStore store(client);
  Result<std::vector<resources::Resource>> read = store.List("ShardMap", ns);
  // A slice that is gone belonged to a map that has been written anew meanwhile.
  for (int i = 0; i < 3 && read.status().code() == Code::kNotFound; ++i) {
    read = store.List("ShardMap", ns);
  }
  if (!read.ok()) return read.status();
  std::vector<resources::ShardMap> maps;
  for (const resources::Resource& resource : *read) {
    ASSIGN_OR_RETURN(resources::ShardMap map, resources::ShardMap::Parse(resource.spec));
    maps.push_back(std::move(map));
  }
  return maps;
}

const Value* FindObject(const std::vector<Value>& objects, std::string_view ns,
                        std::string_view name) {
  for (const Value& object : objects) {
    const kube::ObjectName is = kube::NameOf(object);
    if (is.name == name && (ns.empty() || is.ns == ns)) return &object;
  }
  return nullptr;
}

std::string PoolNameOf(const Value& stream) {
  const std::string& name = stream.At("spec", "placement", "poolRef", "name").AsString();
  return name.empty() ? "default" : name;
}

const Value* PoolOf(const ClusterView& view, const Value& stream) {
  const std::string name = PoolNameOf(stream);
  const Value* here = FindObject(view.pools, kube::NameOf(stream).ns, name);
  return here ? here : FindObject(view.pools, "", name);
}

std::vector<const Value*> OfWorkload(const std::vector<Value>& objects,
                                     const kube::ObjectName& workload) {
  std::vector<const Value*> out;
  for (const Value& object : objects) {
    if (kube::NameOf(object).ns != workload.ns) continue;
    if (LabelOf(object, kWorkloadLabel) == workload.name) out.push_back(&object);
  }
  std::sort(out.begin(), out.end(), [](const Value* a, const Value* b) {
    const std::string& one = a->At("metadata", "name").AsString();
    const std::string& other = b->At("metadata", "name").AsString();
    // pool-2 before pool-10.
    return one.size() != other.size() ? one.size() < other.size() : one < other;
  });
  return out;
}

WallMs TimeOf(const Value& text) { return resources::ParseTime(text.AsString()).value_or(0); }

std::string Ago(WallMs then, WallMs now) {
  if (then == 0) return "?";
  const WallMs seconds = std::max<WallMs>((now - then) / 1000, 0);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

const std::string& LabelOf(const Value& object, std::string_view label) {
  return object.At("metadata", "labels")[label].AsString();
}

}  // namespace millrace::cli
