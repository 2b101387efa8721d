#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"

namespace millrace::storage {

// Keeps a data folder to one process. Held from Acquire until this is destroyed or the process
// ends, however it ends; a child process does not inherit it. Any thread.
class FolderLock {
 public:
  // kResourceInUse, naming the process that has the folder. The folder exists.
  static Result<std::unique_ptr<FolderLock>> Acquire(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace millrace::storage
