#include "common/kube_store/kube_store.h"

#include <algorithm>
#include <set>

#include "common/base/random.h"
#include "common/kube_store/cache_indexes.h"
#include "common/kube_store/shard_map_slices.h"
#include "common/log/log.h"
#include "common/resources/file_store.h"
#include "common/resources/stream_resource.h"

namespace millrace::resources {
namespace {

using json::Value;

kube::ResourceType TypeOf(std::string_view kind) {
  return kube::MillraceType(std::string(kind), PluralOf(kind));
}

kube::ObjectName NameOf(const ResourceKey& key) { return {key.ns, key.name}; }

// The API's refusal of a document is a mistake of whoever wrote it.
Status Translate(Status status) {
  if (status.code() != Code::kValidation) return status;
  return InvalidArgument(status.message());
}

Status CheckNames(const Resource& resource) {
  if (std::string problem = NameProblem(resource.key.name); !problem.empty())
    return InvalidArgument("metadata.name: " + problem);
  if (std::string problem = NamespaceProblem(resource.key.ns); !problem.empty())
    return InvalidArgument("metadata.namespace: " + problem);
  return OkStatus();
}

// Whether the write it answers has let go of an object that was on its way out.
bool IsGone(const Value& object) {
  return object["metadata"].Has("deletionTimestamp") &&
         object.At("metadata", "finalizers").AsArray().empty();
}

std::string Attempt() { return NewUuid().substr(0, 8); }

WatchEvent EventOf(kube::EventType type) {
  return type == kube::EventType::kAdded      ? WatchEvent::kAdded
         : type == kube::EventType::kModified ? WatchEvent::kModified
                                              : WatchEvent::kDeleted;
}

}  // namespace

KubeStore::KubeStore(kube::Client& client, KubeStoreOptions options)
    : client_(client), options_(std::move(options)) {
  std::vector<std::string> namespaces = options_.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  for (const std::string& kind : options_.cached_kinds) {
    for (const std::string& ns : namespaces) {
      kinds_[kind].push_back(
          {ns, std::make_unique<kube::ObjectCache>(CacheIndexesOf(kind, options_.lists_streams)),
           nullptr});
    }
  }
}

KubeStore::~KubeStore() { Stop(); }

void KubeStore::Stop() {
  for (auto& [name, kind] : kinds_) {
    for (Followed& followed : kind) {
      if (followed.watch) followed.watch->Stop();
    }
  }
}

void KubeStore::OnChange(std::string_view kind, std::function<void(const ResourceKey&)> listener) {
  OnChange(kind, [listener = std::move(listener)](WatchEvent, const Value& object) {
    kube::ObjectName name = kube::NameOf(object);
    listener({std::move(name.ns), std::move(name.name)});
  });
}

void KubeStore::OnChange(std::string_view kind,
                         std::function<void(WatchEvent, const Value&)> listener) {
  auto at = kinds_.find(kind);
  CHECK(at != kinds_.end());
  for (Followed& followed : at->second) {
    followed.cache->AddListener(
        [listener](kube::EventType type, const Value& object) { listener(EventOf(type), object); });
  }
}

void KubeStore::Start() {
  for (auto& [name, kind] : kinds_) {
    for (Followed& followed : kind) {
      kube::WatchOptions watch = options_.watch;
      watch.scope.ns = followed.ns;
      followed.watch =
          std::make_unique<kube::Watch>(client_, TypeOf(name), *followed.cache, std::move(watch));
    }
  }
}

bool KubeStore::IsOptional(std::string_view kind) const {
  return std::find(options_.optional_kinds.begin(), options_.optional_kinds.end(), kind) !=
         options_.optional_kinds.end();
}

bool KubeStore::HasSynced() const {
  for (const auto& [name, kind] : kinds_) {
    if (IsOptional(name)) continue;
    for (const Followed& followed : kind) {
      if (!followed.cache->HasSynced()) return false;
    }
  }
  return true;
}

Status KubeStore::Health() const {
  for (const auto& [name, kind] : kinds_) {
    if (IsOptional(name)) continue;
    for (const Followed& followed : kind) {
      Status health = followed.cache->health();
      if (!health.ok()) return health.WithContext(name);
      if (!followed.cache->HasSynced()) return Unavailable(name + ": not read yet");
    }
  }
  return OkStatus();
}

const KubeStore::Kind* KubeStore::FindKind(std::string_view kind) const {
  auto at = kinds_.find(kind);
  return at == kinds_.end() ? nullptr : &at->second;
}

kube::ObjectCache* KubeStore::CacheFor(std::string_view kind, std::string_view ns) const {
  const Kind* found = FindKind(kind);
  if (found == nullptr) return nullptr;
  for (const Followed& followed : *found) {
    if (!followed.ns.empty() && followed.ns != ns) continue;
    return followed.cache->HasSynced() ? followed.cache.get() : nullptr;
  }
  return nullptr;
}

std::vector<ResourceKey> KubeStore::Keys(std::string_view kind, std::string_view index,
                                         std::string_view value) const {
  std::vector<ResourceKey> keys;
  const Kind* found = FindKind(kind);
  if (found == nullptr) return keys;
  for (const Followed& followed : *found) {
    for (kube::ObjectName& name : followed.cache->SelectNames(index, value))
      keys.push_back({std::move(name.ns), std::move(name.name)});
  }
  return keys;
}

std::vector<ResourceKey> KubeStore::AllKeys(std::string_view kind) const {
  std::vector<ResourceKey> keys;
  const Kind* found = FindKind(kind);
  if (found == nullptr) return keys;
  for (const Followed& followed : *found) {
    for (kube::ObjectName& name : followed.cache->Names())
      keys.push_back({std::move(name.ns), std::move(name.name)});
  }
  return keys;
}

size_t KubeStore::CountOf(std::string_view kind) const {
  size_t count = 0;
  if (const Kind* found = FindKind(kind)) {
    for (const Followed& followed : *found) count += followed.cache->size();
  }
  return count;
}

Result<Value> KubeStore::Read(std::string_view kind, const ResourceKey& key) {
  kube::ObjectCache* cache = CacheFor(kind, key.ns);
  if (cache != nullptr) {
    if (auto object = cache->Get(NameOf(key))) return std::move(*object);
    const auto& confirmed = options_.confirmed_kinds;
    const bool is_confirmed =
        std::find(confirmed.begin(), confirmed.end(), kind) != confirmed.end();
    if (!is_confirmed && kind != kShardMapSliceKind)
      return NotFound(std::string(kind) + " " + key.ToString() + " does not exist");
  }
  Result<Value> object = client_.Get(TypeOf(kind), NameOf(key));
  if (object.ok() && cache != nullptr) cache->Wrote(*object);
  return object;
}

Result<Resource> KubeStore::Get(std::string_view kind, const ResourceKey& key) {
  ASSIGN_OR_RETURN(Value object, Read(kind, key));
  ASSIGN_OR_RETURN(Resource resource, Resource::Parse(object));
  return Whole(std::move(resource));
}

Result<Resource> KubeStore::Whole(Resource resource) {
  constexpr int kTries = 3;
  for (int i = 0; i < kTries; ++i) {
    const std::vector<std::string> names = SliceNames(resource);
    if (resource.kind != kShardMapKind || names.empty()) return resource;
    std::vector<Resource> slices;
    Status missing;
    for (const std::string& name : names) {
      Result<Value> object = Read(kShardMapSliceKind, {resource.key.ns, name});
      if (!object.ok()) {
        missing = object.status();
        break;
      }
      ASSIGN_OR_RETURN(Resource slice, Resource::Parse(*object));
      slices.push_back(std::move(slice));
    }
    if (missing.ok()) {
      RETURN_IF_ERROR(JoinShardMap(resource, slices));
      return resource;
    }
    if (missing.code() != Code::kNotFound) return missing;
    // The map has moved on since it was read.
    ASSIGN_OR_RETURN(Value now, client_.Get(TypeOf(kShardMapKind), NameOf(resource.key)));
    ASSIGN_OR_RETURN(resource, Resource::Parse(now));
  }
  return Unavailable("slices of the shard map " + resource.key.ToString() + " are missing");
}

Result<std::vector<Resource>> KubeStore::List(std::string_view kind, std::string_view ns) {
  std::vector<Resource> all;
  auto add = [&](const Value& object) -> Status {
    ASSIGN_OR_RETURN(Resource resource, Resource::Parse(object));
    ASSIGN_OR_RETURN(resource, Whole(std::move(resource)));
    all.push_back(std::move(resource));
    return OkStatus();
  };
  std::vector<std::string> scopes = options_.namespaces;
  if (!ns.empty() || scopes.empty()) scopes = {std::string(ns)};
  for (const std::string& scope : scopes) {
    Status status;
    if (kube::ObjectCache* cache = CacheFor(kind, scope)) {
      cache->ForEach(scope, [&](const Value& object) {
        if (status.ok()) status = add(object);
      });
    } else {
      kube::ListOptions options;
      options.ns = scope;
      ASSIGN_OR_RETURN(kube::ListPage page, client_.ListAll(TypeOf(kind), options));
      for (const Value& object : page.items) {
        if (status.ok()) status = add(object);
      }
    }
    RETURN_IF_ERROR(status);
  }
  std::sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.key < b.key; });
  return all;
}

bool KubeStore::IsSynced(std::string_view kind) const {
  const Kind* found = FindKind(kind);
  return found != nullptr &&
         std::all_of(found->begin(), found->end(),
                     [](const Followed& followed) { return followed.cache->HasSynced(); });
}

Result<std::vector<Resource>> KubeStore::Select(std::string_view kind, std::string_view index,
                                                std::string_view value) {
  std::vector<Resource> all;
  for (const ResourceKey& key : Keys(kind, index, value)) {
    Result<Resource> resource = Get(kind, key);
    if (resource.ok()) {
      all.push_back(std::move(*resource));
    } else if (resource.status().code() != Code::kNotFound) {
      return resource.status();
    }
  }
  return all;
}

Result<std::vector<Resource>> KubeStore::ListByStreamName(std::string_view kind,
                                                          std::string_view stream_name) {
  if (!IsSynced(kind)) return ResourceStore::ListByStreamName(kind, stream_name);
  return Select(kind, "streamName", stream_name);
}

Result<std::vector<Resource>> KubeStore::StreamsAfter(std::string_view stream_name,
                                                      size_t count) const {
  CHECK(options_.lists_streams);
  if (!IsSynced(kStreamKind)) return Unavailable("Streams are not read yet");
  std::vector<Resource> page;
  for (const Followed& followed : *FindKind(kStreamKind)) {
    for (const Value& object : followed.cache->SelectAfter("streamName", stream_name, count)) {
      ASSIGN_OR_RETURN(Resource stream, Resource::Parse(object));
      page.push_back(std::move(stream));
    }
  }
  std::stable_sort(page.begin(), page.end(), [](const Resource& a, const Resource& b) {
    return StreamNameOf(a) < StreamNameOf(b);
  });
  if (page.size() > count) page.erase(page.begin() + static_cast<ptrdiff_t>(count), page.end());
  return page;
}

Result<StreamTotals> KubeStore::TotalOfStreams() const {
  CHECK(options_.lists_streams);
  if (!IsSynced(kStreamKind)) return Unavailable("Streams are not read yet");
  StreamTotals totals;
  for (const Followed& followed : *FindKind(kStreamKind)) {
    totals.open_shards += followed.cache->Sum("openShards");
    totals.on_demand += followed.cache->Sum("onDemand");
  }
  return totals;
}

Result<std::vector<Resource>> KubeStore::ListDeletingMaps() {
  if (!IsSynced(kShardMapKind)) return ResourceStore::ListDeletingMaps();
  return Select(kShardMapKind, "deleting", "true");
}

Result<Resource> KubeStore::Wrote(std::string_view kind, const ResourceKey& key,
                                  Result<Value> answer) {
  kube::ObjectCache* cache = CacheFor(kind, key.ns);
  if (!answer.ok()) {
    // Whoever tries again shall not read what just lost.
    if (cache != nullptr && answer.status().code() == Code::kConflict) {
      Result<Value> now = client_.Get(TypeOf(kind), NameOf(key));
      if (now.ok()) cache->Wrote(*now);
    }
    return Translate(answer.status());
  }
  if (cache != nullptr) {
    if (IsGone(*answer)) {
      cache->Gone(NameOf(key), kube::UidOf(*answer));
    } else {
      cache->Wrote(*answer);
    }
  }
  return Resource::Parse(*answer);
}

Status KubeStore::WriteSlices(const std::vector<Resource>& slices) {
  for (const Resource& slice : slices) {
    RETURN_IF_ERROR(
        Wrote(slice.kind, slice.key, client_.Create(TypeOf(slice.kind), slice.ToValue())).status());
  }
  return OkStatus();
}

void KubeStore::CollectSlices(const Resource& before, const Resource& now) {
  std::set<std::string> named;
  for (const Resource* map : {&before, &now}) {
    for (const std::string& name : SliceNames(*map)) named.insert(name);
  }
  std::vector<Value> slices;
  if (kube::ObjectCache* cache = CacheFor(kShardMapSliceKind, now.key.ns)) {
    slices = cache->Select("streamUid", SliceLabelOf(now));
  } else {
    kube::ListOptions options;
    options.ns = now.key.ns;
    options.label_selector = std::string(kSliceOfLabel) + "=" + SliceLabelOf(now);
    Result<kube::ListPage> page = client_.ListAll(TypeOf(kShardMapSliceKind), options);
    if (!page.ok()) return;  // the next change of the map looks again
    slices = std::move(page->items);
  }
  const int64_t version = now.spec["version"].AsInt();
  for (const Value& slice : slices) {
    const kube::ObjectName name = kube::NameOf(slice);
    // Another writer may be about to name those of a later version.
    const bool is_older = slice.At("spec", "version").AsInt() < version;
    if (named.contains(name.name) || !is_older) continue;
    kube::DeleteOptions exact;
    exact.uid = kube::UidOf(slice);
    Result<Value> deleted = client_.Delete(TypeOf(kShardMapSliceKind), name, exact);
    if (!deleted.ok() && deleted.status().code() != Code::kNotFound) {
      log::Debug("slice not removed", {{"slice", name.ToString()}});
    } else if (kube::ObjectCache* cache = CacheFor(kShardMapSliceKind, name.ns)) {
      cache->Gone(name, exact.uid);
    }
  }
}

Result<Resource> KubeStore::Create(Resource resource) {
  RETURN_IF_ERROR(CheckNames(resource));
  resource.uid.clear();
  resource.resource_version = 0;
  SlicedShardMap sliced{resource, {}};
  if (resource.kind == kShardMapKind) sliced = SplitShardMap(resource, Attempt());
  RETURN_IF_ERROR(WriteSlices(sliced.slices));
  Result<Resource> made = Wrote(resource.kind, resource.key,
                                client_.Create(TypeOf(resource.kind), sliced.map.ToValue()));
  if (made.ok() && !sliced.slices.empty()) made->spec = resource.spec;
  return made;
}

Result<Resource> KubeStore::Put(const Resource& resource, bool is_status) {
  RETURN_IF_ERROR(CheckNames(resource));
  if (resource.resource_version == 0)
    return InvalidArgument("metadata.resourceVersion: is needed, as the last read gave it");
  const kube::ResourceType type = TypeOf(resource.kind);
  if (resource.kind != kShardMapKind || is_status) {
    return Wrote(resource.kind, resource.key,
                 is_status ? client_.UpdateStatus(type, resource.ToValue())
                           : client_.Update(type, resource.ToValue()));
  }
  ASSIGN_OR_RETURN(Value raw, Read(resource.kind, resource.key));
  ASSIGN_OR_RETURN(const Resource before, Resource::Parse(raw));
  const SlicedShardMap sliced = SplitShardMap(resource, Attempt());
  RETURN_IF_ERROR(WriteSlices(sliced.slices));
  Result<Resource> updated =
      Wrote(resource.kind, resource.key, client_.Update(type, sliced.map.ToValue()));
  if (!updated.ok()) return updated;
  if (!SliceNames(before).empty() || !sliced.slices.empty()) CollectSlices(before, *updated);
  if (!sliced.slices.empty()) updated->spec = resource.spec;
  return updated;
}

Result<Resource> KubeStore::Update(const Resource& resource) { return Put(resource, false); }
Result<Resource> KubeStore::UpdateStatus(const Resource& resource) { return Put(resource, true); }

Status KubeStore::Delete(std::string_view kind, const ResourceKey& key) {
  Result<Value> before = kind == kShardMapKind ? Read(kind, key) : Result<Value>(Value());
  Result<Value> answer = client_.Delete(TypeOf(kind), NameOf(key));
  if (!answer.ok()) return Translate(answer.status());
  kube::ObjectCache* cache = CacheFor(kind, key.ns);
  if (cache != nullptr && (*answer)["kind"].AsString() != "Status" && !IsGone(*answer)) {
    cache->Wrote(*answer);
  } else if (cache != nullptr) {
    if (auto seen = cache->Get(NameOf(key))) cache->Gone(NameOf(key), kube::UidOf(*seen));
  }
  if (kind != kShardMapKind || !before.ok()) return OkStatus();
  Result<Resource> map = Resource::Parse(*before);
  if (!map.ok() || SliceNames(*map).empty()) return OkStatus();
  Resource none = *map;
  none.spec.Remove("slices");
  none.spec.Set("version", none.spec["version"].AsInt() + 1);
  CollectSlices(none, none);
  return OkStatus();
}

// Follows a kind for one caller; the callback runs on the watch's thread.
class KubeStore::Handle final : public WatchHandle {
 public:
  using Callback = std::function<void(WatchEvent, const Resource&)>;

  Handle(KubeStore& store, std::string_view kind, const std::vector<std::string>& namespaces,
         Callback on_event)
      : store_(store), on_event_(std::move(on_event)) {
    for (const std::string& ns : namespaces) {
      auto cache = std::make_unique<kube::ObjectCache>();
      cache->AddListener([this](kube::EventType type, const Value& object) { Tell(type, object); });
      kube::WatchOptions watch = store.options_.watch;
      watch.scope.ns = ns;
      followed_.push_back({ns, std::move(cache), nullptr});
      followed_.back().watch = std::make_unique<kube::Watch>(
          store.client_, TypeOf(kind), *followed_.back().cache, std::move(watch));
    }
  }
  ~Handle() override {
    stopping_ = true;
    for (Followed& followed : followed_) followed.watch->Stop();
  }

 private:
  void Tell(kube::EventType type, const Value& object) {
    Result<Resource> resource = Resource::Parse(object);
    if (!resource.ok()) {
      log::Error("a resource does not parse", {{"resource", kube::NameOf(object).ToString()},
                                               {"error", resource.status().ToString()}});
      return;
    }
    // A map that cannot be put together just now is kept at; nothing may pass it.
    while (type != kube::EventType::kDeleted && !stopping_) {
      Result<Resource> whole = store_.Whole(*resource);
      const Code code = whole.ok() ? Code::kOk : whole.status().code();
      if (whole.ok()) resource = std::move(whole);
      if (code == Code::kOk) break;
      // Deleted meanwhile: the event that says so is on its way.
      if (code == Code::kNotFound) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (stopping_) return;
    std::lock_guard lock(mu_);
    on_event_(EventOf(type), *resource);
  }

  KubeStore& store_;
  const Callback on_event_;
  std::atomic<bool> stopping_{false};
  std::mutex mu_;  // one callback at a time over several namespaces
  std::vector<Followed> followed_;
};

std::unique_ptr<WatchHandle> KubeStore::Watch(
    std::string_view kind, std::function<void(WatchEvent, const Resource&)> on_event) {
  std::vector<std::string> namespaces = options_.namespaces;
  if (namespaces.empty()) namespaces.emplace_back();
  return std::make_unique<Handle>(*this, kind, namespaces, std::move(on_event));
}

}  // namespace millrace::resources
