#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/resources/store.h"
#include "common/resources/store_files.h"
#include "common/resources/watch_hub.h"

namespace millrace::resources {

// A ResourceStore in a folder: one JSON file a resource, <kind in plural>/<namespace>/<name>.json
// (streams/default/orders.json; docs/formats/resource_files.md), all of it in memory as well. Owned
// by main; one process at a time; any thread. A change is written to a temporary file, synced,
// renamed and its folder synced before the call returns: a crash leaves the old or the new
// resource, never a mixture. Reads never wait for a disk. Where a file cannot be written (a full
// disk) the change is refused and nothing has happened. Where a folder cannot be synced nobody
// knows what a crash would leave: the store is fenced, answers reads and refuses every further
// change with kFenced until it is opened again.
class FileStore final : public ResourceStore {
 public:
  // Loads everything. kUnavailable where another process has the folder; kCorrupt, naming the file,
  // where one does not hold a resource: to start without it could mean to forget data.
  static Result<std::unique_ptr<FileStore>> Open(std::unique_ptr<StoreFiles> files, Clock& clock);
  static Result<std::unique_ptr<FileStore>> Open(const std::string& folder, Clock& clock);
  ~FileStore() override = default;

  Result<Resource> Get(std::string_view kind, const ResourceKey& key) override;
  Result<std::vector<Resource>> List(std::string_view kind, std::string_view ns) override;
  // A status that comes along is dropped, as Kubernetes does.
  Result<Resource> Create(Resource resource) override;
  Result<Resource> Update(const Resource& resource) override;
  Result<Resource> UpdateStatus(const Resource& resource) override;
  Status Delete(std::string_view kind, const ResourceKey& key) override;
  std::unique_ptr<WatchHandle> Watch(
      std::string_view kind, std::function<void(WatchEvent, const Resource&)> on_event) override;

 private:
  using Shared = std::shared_ptr<const Resource>;
  using Kind = std::map<ResourceKey, Shared>;

  FileStore(std::unique_ptr<StoreFiles> files, Clock& clock)
      : files_(std::move(files)), clock_(clock) {}
  Status Load();
  Status LoadFile(const std::string& path);

  // With writing_ held.
  Status CheckWritable() const;
  Shared Find(std::string_view kind, const ResourceKey& key) const;
  // The current state of what `wanted` wants to change, if it may.
  Result<Shared> FindForChange(const Resource& wanted) const;
  // Durable, then visible, then told to watchers.
  Result<Resource> Commit(WatchEvent event, Resource resource);
  Status Erase(const Shared& current);
  Status Persist(const Resource& resource);
  Status Fence(const Status& why);

  const std::unique_ptr<StoreFiles> files_;
  Clock& clock_;
  // One change at a time; held over disk writes.
  mutable std::mutex writing_;
  uint64_t version_last_ = 0;  // guarded by writing_
  bool is_fenced_ = false;     // guarded by writing_
  // Never held over a disk write; taken after writing_.
  mutable std::mutex mu_;
  std::map<std::string, Kind, std::less<>> kinds_;  // guarded by mu_
  WatchHub hub_;
};

// "Stream" -> "streams": the folder of a kind, and its name in URLs.
std::string PluralOf(std::string_view kind);
// What a file of the store holds; for processes that read the folder without owning it.
Result<Resource> ParseResourceFile(std::string_view text);

}  // namespace millrace::resources
