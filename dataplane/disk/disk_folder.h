#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "dataplane/disk/disk.h"

namespace millrace::storage {

// An open file of the log; closed when the last operation on it lets go.
class OpenFile {
 public:
  OpenFile(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  const std::string& name() const { return name_; }
  int fd() const { return fd_; }

 private:
  const std::string name_;
  const int fd_;
};

// The system calls behind a Disk on a real folder. Every call blocks; any thread, several at once.
// What changes the folder is durable on return: contents before the name, then the folder itself. A
// failure of any call, a sync above all, is returned, never tried again.
class DiskFolder {
 public:
  // Makes the folder where it is missing, removes what an interrupted Create or WriteFile left, and
  // finds out whether the filesystem takes O_DIRECT.
  static Result<std::unique_ptr<DiskFolder>> Open(const std::string& path);
  ~DiskFolder();
  DiskFolder(const DiskFolder&) = delete;

  const std::string& path() const { return path_; }
  // Whether files are opened with O_DIRECT (tmpfs and some overlays refuse it).
  bool direct() const { return direct_; }

  Result<std::vector<Disk::FileInfo>> List() const;
  Status Create(const std::string& name, uint64_t size) const;
  Status Rename(const std::string& from, const std::string& to) const;
  Status Remove(const std::string& name) const;
  Status WriteFile(const std::string& name, std::string_view data) const;
  uint64_t FreeBytes() const;

  // For reads and for writes that are durable when they return. kNotFound where there is none.
  Result<std::shared_ptr<OpenFile>> OpenForLog(const std::string& name) const;
  // A write that is short is a failed one.
  static Status WriteAt(const OpenFile& file, uint64_t offset, const Slice& data);
  static Result<Slice> ReadAt(const OpenFile& file, uint64_t offset, size_t size);

 private:
  DiskFolder(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status RemoveLeftovers() const;
  Status ProbeDirect();
  Status WriteZeros(int fd, const std::string& name, uint64_t size) const;
  Status Publish(const std::string& temporary, const std::string& name) const;
  Status SyncFolder() const;

  const std::string path_;
  const int fd_;
  bool direct_ = false;
};

// A buffer that O_DIRECT takes, at least `size` large.
std::shared_ptr<uint8_t> AllocateAligned(size_t size);
// `buffer` holds the bytes [begin, end) of a file: those of them in [offset, offset + size).
Slice PartOf(std::shared_ptr<uint8_t> buffer, uint64_t begin, uint64_t end, uint64_t offset,
             size_t size);
// Ok where a read that stopped at `at` had to: a device that reads short must not look like an end.
Status CheckEndOfFile(const OpenFile& file, uint64_t at);

}  // namespace millrace::storage
