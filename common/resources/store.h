#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/resources/resource.h"

namespace millrace::resources {

enum class WatchEvent { kAdded, kModified, kDeleted };

// Stops the watch when it goes; no callback runs after the destructor returned.
class WatchHandle {
 public:
  virtual ~WatchHandle() = default;
};

// Where resources live: a folder of files, or the Kubernetes API. Kubernetes semantics: a change is
// durable when the call returns; every change raises resourceVersion; a change of spec raises
// generation; updates compare-and-set on resourceVersion (kConflict when it has moved on). Any
// thread; calls may block, so never from an Executor.
class ResourceStore {
 public:
  virtual ~ResourceStore() = default;
  // kNotFound where there is none.
  virtual Result<Resource> Get(std::string_view kind, const ResourceKey& key) = 0;
  // In the order of their keys; `ns` "" means every namespace.
  virtual Result<std::vector<Resource>> List(std::string_view kind, std::string_view ns) = 0;
  // Of List(kind, ""), those of the stream whose AWS name is `stream_name`: Streams and ShardMaps.
  // A store that serves many streams has an index for it.
  virtual Result<std::vector<Resource>> ListByStreamName(std::string_view kind,
                                                         std::string_view stream_name);
  // Of List("ShardMap", ""), those whose spec says `deleting`; a store of many has an index here,
  // too.
  virtual Result<std::vector<Resource>> ListDeletingMaps();
  // Gives uid, generation 1 and timestamps; kResourceInUse where it exists.
  virtual Result<Resource> Create(Resource resource) = 0;
  // Metadata and spec; status stays as it is. Removing the last finalizer of a resource that is
  // being deleted removes it.
  virtual Result<Resource> Update(const Resource& resource) = 0;
  // Status only.
  virtual Result<Resource> UpdateStatus(const Resource& resource) = 0;
  // Removes it, or, while it has finalizers, sets deletionTimestamp.
  virtual Status Delete(std::string_view kind, const ResourceKey& key) = 0;
  // Calls back for everything there is (kAdded), then for every change, in order, on a thread of
  // the store's own; the callback must not block for long.
  virtual std::unique_ptr<WatchHandle> Watch(
      std::string_view kind, std::function<void(WatchEvent, const Resource&)> on_event) = 0;
};

// The AWS name of the stream that a Stream, ShardMap or DeliveryStream so named is of, by its spec.
std::string StreamNameIn(std::string_view name, const json::Value& spec);

}  // namespace millrace::resources
