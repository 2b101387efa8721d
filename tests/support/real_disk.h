#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/disk/aio_disk.h"
#include "tests/support/on_executor.h"

namespace millrace::testing_support {

// Aligned bytes to write, all the same.
inline Slice AlignedBytes(size_t size, char fill) {
  auto buffer = storage::AllocateAligned(size);
  std::memset(buffer.get(), fill, size);
  const uint8_t* data = buffer.get();
  return {std::move(buffer), data, size};
}

// A disk on a folder and the loop it lives on, called from outside and waited for.
class RealDisk {
 public:
  enum class Way { kAio, kThreads };

  RealDisk(const std::string& folder, Way way, size_t threads = storage::ThreadDisk::kThreads)
      : io_(1, "disk-test") {
    disk_ = On(io_.at(0), [&]() -> std::unique_ptr<storage::Disk> {
      if (way == Way::kAio) return std::move(storage::OpenDisk(folder, io_.at(0)).value());
      auto files = storage::DiskFolder::Open(folder);
      return std::make_unique<storage::ThreadDisk>(std::move(files).value(), io_.at(0), threads);
    });
  }
  ~RealDisk() {
    On(io_.at(0), [&] { disk_.reset(); });
  }

  Executor& executor() { return io_.at(0); }
  storage::Disk& disk() { return *disk_; }

  Status Create(const std::string& name, uint64_t size) {
    return Await<Status>(executor(), [&](auto done) { disk_->Create(name, size, done); });
  }
  Status Write(const std::string& name, uint64_t offset, Slice data) {
    return Await<Status>(executor(), [&](auto done) { disk_->Write(name, offset, data, done); });
  }
  Status WriteFile(const std::string& name, const std::string& data) {
    return Await<Status>(executor(),
                         [&](auto done) { disk_->WriteFile(name, Slice::FromString(data), done); });
  }
  Status Rename(const std::string& from, const std::string& to) {
    return Await<Status>(executor(), [&](auto done) { disk_->Rename(from, to, done); });
  }
  Status Remove(const std::string& name) {
    return Await<Status>(executor(), [&](auto done) { disk_->Remove(name, done); });
  }
  Result<Slice> Read(const std::string& name, uint64_t offset, size_t size) {
    return Await<Result<Slice>>(executor(),
                                [&](auto done) { disk_->Read(name, offset, size, done); });
  }
  // Sorted.
  std::vector<std::string> Names() {
    auto files = Await<Result<std::vector<storage::Disk::FileInfo>>>(
        executor(), [&](auto done) { disk_->List(done); });
    std::vector<std::string> names;
    for (const auto& file : files.value()) names.push_back(file.name);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  IoThreads io_;
  std::unique_ptr<storage::Disk> disk_;
};

}  // namespace millrace::testing_support
