#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/kube/client.h"
#include "common/kube/object_cache.h"
#include "common/resources/store.h"

namespace millrace::resources {

struct KubeStoreOptions {
  std::vector<std::string> namespaces;  // that are looked at; empty: all
  // Kinds that are followed and read from memory; others are read from the API.
  std::vector<std::string> cached_kinds;
  // Of these, HasSynced does not wait: until one is read, and where its CRD is missing, the API is
  // asked.
  std::vector<std::string> optional_kinds;
  // Of the cached, what memory does not show is asked of the API before it counts as not there: for
  // processes that are asked about what another one has just made.
  std::vector<std::string> confirmed_kinds;
  // Streams are kept in the order of their names and added up as well: for processes that list
  // them.
  bool lists_streams = false;
  kube::WatchOptions watch;
};

struct StreamTotals {
  int64_t open_shards = 0;
  int64_t on_demand = 0;  // streams
};

// Our kinds in the Kubernetes API. Status goes through the status subresource, everything else is
// the API's own doing (uid, generation, resourceVersion, finalizers, validation: a refusal is
// kInvalidArgument with its message). Writers read at least what they wrote; a lost compare-and-set
// refreshes what memory holds. Shard maps of many shards are kept in slices, which nobody sees from
// outside. A kind whose CRD is missing is kUnsupported, never an empty list. Made in main, which
// keeps the client alive; Stop (or the destructor) ends the watches. Any thread.
class KubeStore final : public ResourceStore {
 public:
  KubeStore(kube::Client& client, KubeStoreOptions options = {});
  ~KubeStore() override;
  void Stop();

  // Before Start: hears the keys of a cached kind as they change, on a watch's or a writer's
  // thread.
  void OnChange(std::string_view kind, std::function<void(const ResourceKey&)> listener);
  // The same, with what it is now, or was last.
  void OnChange(std::string_view kind,
                std::function<void(WatchEvent, const json::Value& object)> listener);
  // Begins to follow the cached kinds.
  void Start();
  bool HasSynced() const;
  // Why a cached kind is not read yet, or cannot be followed just now; OK where all is well.
  Status Health() const;
  // Of cached kinds: the keys of those with `value` under "streamName", "streamUid" (decimal;
  // Streams) or "deleting" ("true"; ShardMaps).
  std::vector<ResourceKey> Keys(std::string_view kind, std::string_view index,
                                std::string_view value) const;
  // Of every object of a cached kind.
  std::vector<ResourceKey> AllKeys(std::string_view kind) const;
  size_t CountOf(std::string_view kind) const;
  // Where it lists_streams: the first `count` Streams whose AWS names come after `stream_name`, in
  // the order of those; and what all of them have together. kUnavailable before they are read.
  Result<std::vector<Resource>> StreamsAfter(std::string_view stream_name, size_t count) const;
  Result<StreamTotals> TotalOfStreams() const;

  Result<Resource> Get(std::string_view kind, const ResourceKey& key) override;
  Result<std::vector<Resource>> List(std::string_view kind, std::string_view ns) override;
  Result<std::vector<Resource>> ListByStreamName(std::string_view kind,
                                                 std::string_view stream_name) override;
  Result<std::vector<Resource>> ListDeletingMaps() override;
  Result<Resource> Create(Resource resource) override;
  Result<Resource> Update(const Resource& resource) override;
  Result<Resource> UpdateStatus(const Resource& resource) override;
  Status Delete(std::string_view kind, const ResourceKey& key) override;
  // Of any kind, by watches of its own; a shard map comes whole.
  std::unique_ptr<WatchHandle> Watch(
      std::string_view kind, std::function<void(WatchEvent, const Resource&)> on_event) override;

  kube::Client& client() { return client_; }

 private:
  class Handle;
  // One namespace (or all) of a followed kind.
  struct Followed {
    std::string ns;
    std::unique_ptr<kube::ObjectCache> cache;
    std::unique_ptr<kube::Watch> watch;
  };
  using Kind = std::vector<Followed>;

  const Kind* FindKind(std::string_view kind) const;
  // The synced cache that an object of the namespace is in; nullptr where it is read from the API.
  kube::ObjectCache* CacheFor(std::string_view kind, std::string_view ns) const;
  Result<json::Value> Read(std::string_view kind, const ResourceKey& key);
  bool IsSynced(std::string_view kind) const;
  bool IsOptional(std::string_view kind) const;
  // Those of Keys that are still there.
  Result<std::vector<Resource>> Select(std::string_view kind, std::string_view index,
                                       std::string_view value);
  // Puts a shard map together.
  Result<Resource> Whole(Resource resource);
  Result<Resource> Wrote(std::string_view kind, const ResourceKey& key, Result<json::Value> answer);
  Result<Resource> Put(const Resource& resource, bool is_status);
  Status WriteSlices(const std::vector<Resource>& slices);
  // Removes the older slices of the map's stream that neither of the two names.
  void CollectSlices(const Resource& before, const Resource& now);

  kube::Client& client_;
  const KubeStoreOptions options_;
  std::map<std::string, Kind, std::less<>> kinds_;  // constant after construction
};

}  // namespace millrace::resources
