#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/status.h"

namespace millrace::cli {

// How far a file has been delivered. The fingerprint (of the file's first bytes) tells an inode
// that was used again for another file.
struct FileCheckpoint {
  uint64_t offset = 0;
  uint32_t fingerprint = 0;
  uint32_t fingerprint_bytes = 0;
};

// The agent's checkpoints, one JSON file that is replaced atomically: after a crash it is the old
// or the new one. Shared by the flows; safe on any thread. Save is durable when it returns.
class CheckpointStore {
 public:
  static Result<std::unique_ptr<CheckpointStore>> Open(std::string path);
  // `file` is "<stream>|<device>:<inode>".
  std::optional<FileCheckpoint> Find(const std::string& file) const;
  Status Save(const std::map<std::string, FileCheckpoint>& changed);
  bool empty() const;

 private:
  explicit CheckpointStore(std::string path) : path_(std::move(path)) {}
  Status Load();

  const std::string path_;
  mutable std::mutex mu_;
  std::map<std::string, FileCheckpoint> files_;
};

}  // namespace millrace::cli
