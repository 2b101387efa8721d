#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace millrace::resources {

// The few things a FileStore asks of a file system, so that a test can fail or crash at each of
// them. Paths are relative to the store's folder. Called by one thread at a time.
class StoreFiles {
 public:
  virtual ~StoreFiles() = default;
  // Keeps other processes out of the folder for as long as this object lives; makes the folder.
  virtual Status Lock() = 0;
  // Every file below the folder; none where the folder is empty.
  virtual Result<std::vector<std::string>> List() = 0;
  virtual Result<std::string> Read(const std::string& path) = 0;
  // Makes the folder and its parents; durable on return.
  virtual Status MakeFolder(const std::string& path) = 0;
  // Replaces the file's bytes; they are durable on return, its name only after SyncFolder.
  virtual Status WriteAndSync(const std::string& path, std::string_view text) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // Makes the folder's names durable.
  virtual Status SyncFolder(const std::string& path) = 0;
};

// The real ones, in `folder`.
std::unique_ptr<StoreFiles> MakePosixFiles(std::string folder);

}  // namespace millrace::resources
