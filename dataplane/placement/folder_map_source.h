#pragma once

#include <map>
#include <set>
#include <string>

#include "dataplane/placement/map_source.h"

namespace millrace::shard {

// Watches the ShardMaps of a file resource store: <folder>/<namespace>/<name>.json, one resource a
// file with the map as its spec. inotify says when to look; a scan by name, size and time every few
// seconds finds what it missed (a folder that came later, a store on another kind of file system).
// A file that cannot be read or parsed is named in the log once and looked at again when it
// changes. One thread polls; Wake comes from any.
class FolderMapSource final : public MapSource {
 public:
  explicit FolderMapSource(std::string folder);
  ~FolderMapSource() override;
  FolderMapSource(const FolderMapSource&) = delete;

  News Poll(std::chrono::milliseconds wait) override;
  void Wake() override;

 private:
  struct FileState {
    int64_t modified_ns = 0;
    int64_t size = 0;
    uint64_t inode = 0;
    uint64_t uid = 0;  // 0: did not parse
    bool operator==(const FileState&) const = default;
  };
  void AwaitEvent(std::chrono::milliseconds wait);
  void WatchFolder(const std::string& folder);
  bool Scan(News& news);
  void ScanNamespace(const std::string& folder, std::map<std::string, FileState>& seen, News& news);

  const std::string folder_;
  const int inotify_;
  const int wake_;
  std::set<std::string> watched_;
  std::map<std::string, FileState> files_;
  bool event_pending_ = true;  // look at once the first time
};

}  // namespace millrace::shard
