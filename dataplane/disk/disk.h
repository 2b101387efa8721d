#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/status.h"
#include "common/base/unique_function.h"

namespace millrace::storage {

// Every offset and length of a Write is a multiple of this, and so is the buffer's address.
constexpr size_t kDiskAlignment = 4096;

// One flat folder of files with asynchronous, durable writes: all that the log asks of a disk.
// Calls come from the lane's executor and callbacks run there. Several operations may be under way
// at once; writes may finish in any order. A simulation implements it with crashes, torn, lost and
// reordered writes; AioDisk with O_DIRECT|O_DSYNC and Linux AIO.
class Disk {
 public:
  virtual ~Disk() = default;

  struct FileInfo {
    std::string name;
    uint64_t size = 0;
  };
  // The files there are.
  virtual void List(UniqueFunction<void(Result<std::vector<FileInfo>>)> done) = 0;
  // Makes `name` with `size` bytes of written (not sparse) zeros and its folder entry durable. A
  // crash half way leaves no such file. kNoSpace when it does not fit.
  virtual void Create(const std::string& name, uint64_t size,
                      UniqueFunction<void(Status)> done) = 0;
  virtual void Rename(const std::string& from, const std::string& to,
                      UniqueFunction<void(Status)> done) = 0;
  virtual void Remove(const std::string& name, UniqueFunction<void(Status)> done) = 0;
  // Durable when `done` runs with success. On failure any part of it may have been written.
  virtual void Write(const std::string& name, uint64_t offset, Slice data,
                     UniqueFunction<void(Status)> done) = 0;
  // Writes a whole small file and its entry, atomically replacing one of that name: new or old
  // after a crash. Durable when `done` runs.
  virtual void WriteFile(const std::string& name, Slice data,
                         UniqueFunction<void(Status)> done) = 0;
  // Fewer bytes than asked for only at the end of the file. Any alignment.
  virtual void Read(const std::string& name, uint64_t offset, size_t size,
                    UniqueFunction<void(Result<Slice>)> done) = 0;
  // Free bytes on the volume, as far as it can tell.
  virtual uint64_t FreeBytes() = 0;
};

}  // namespace millrace::storage
