#include "dataplane/disk/disk_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/base/check.h"
#include "dataplane/disk/huge_memory.h"

namespace millrace::storage {
namespace {

// Names that begin so are ours alone: List does not show them and Open removes them.
constexpr std::string_view kTemporaryPrefix = ".tmp-";
// One request to most disks; the thread waits for each.
constexpr size_t kZeroWriteBytes = 2 * kHugePage;
constexpr mode_t kFileMode = 0600;

// Never the same twice, so that operations under way at once do not meet.
std::string TemporaryName(const std::string& name) {
  static std::atomic<uint64_t> count{0};
  return std::string(kTemporaryPrefix) + std::to_string(count++) + "-" + name;
}

// kZeroWriteBytes of zeros to write from. Nobody ever writes to them, so the kernel lays its one
// page of zeros under all of them: they take no memory, and no segment waits for fresh pages.
const uint8_t* Zeros() {
  static const uint8_t* const zeros = MapHuge(kZeroWriteBytes);
  return zeros;
}

// A descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Status FileStatus(int error, const char* call, const std::string& name) {
  std::string what = std::string(call) + " " + name;
  if (error == ENOENT) return NotFound(what + ": no such file");
  return ErrnoStatus(error, what);
}

Status WriteFully(int fd, const std::string& name, uint64_t offset, const void* data, size_t size) {
  ssize_t n = 0;
  do {
    n = pwrite(fd, data, size, static_cast<off_t>(offset));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FileStatus(errno, "write", name);
  if (static_cast<size_t>(n) != size) {
    return {Code::kIo, "write " + name + ": only " + std::to_string(n) + " of " +
                           std::to_string(size) + " bytes"};
  }
  return OkStatus();
}

}  // namespace

OpenFile::~OpenFile() { close(fd_); }

Status CheckEndOfFile(const OpenFile& file, uint64_t at) {
  struct stat info{};
  if (fstat(file.fd(), &info) != 0) return FileStatus(errno, "stat", file.name());
  if (at >= static_cast<uint64_t>(info.st_size)) return OkStatus();
  return {Code::kIo, "read " + file.name() + ": stopped at " + std::to_string(at) + " of " +
                         std::to_string(info.st_size) + " bytes"};
}

Slice PartOf(std::shared_ptr<uint8_t> buffer, uint64_t begin, uint64_t end, uint64_t offset,
             size_t size) {
  const uint64_t got = end > offset ? std::min<uint64_t>(end - offset, size) : 0;
  const uint8_t* data = buffer.get() + (offset - begin);
  return {std::move(buffer), data, static_cast<size_t>(got)};
}

std::shared_ptr<uint8_t> AllocateAligned(size_t size) {
  const size_t rounded = (size + kDiskAlignment - 1) / kDiskAlignment * kDiskAlignment;
  auto* memory =
      static_cast<uint8_t*>(std::aligned_alloc(kDiskAlignment, std::max(rounded, kDiskAlignment)));
  CHECK(memory != nullptr);
  return {memory, [](uint8_t* p) { std::free(p); }};
}

DiskFolder::~DiskFolder() { close(fd_); }

Result<std::unique_ptr<DiskFolder>> DiskFolder::Open(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), "make folder " + path);
  int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "open folder " + path);
  std::unique_ptr<DiskFolder> folder(new DiskFolder(path, fd));
  RETURN_IF_ERROR(folder->RemoveLeftovers());
  RETURN_IF_ERROR(folder->ProbeDirect());
  RETURN_IF_ERROR(folder->SyncFolder());
  // The entry of the folder itself; its parents were there or are made durable with the first one.
  std::string parent = std::filesystem::absolute(path).lexically_normal().parent_path();
  Fd parent_fd(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent_fd.get() < 0 || fsync(parent_fd.get()) != 0) {
    return ErrnoStatus(errno, "sync folder " + parent);
  }
  return folder;
}

Status DiskFolder::RemoveLeftovers() const {
  std::error_code error;
  for (std::filesystem::directory_iterator it(path_, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename();
    if (!name.starts_with(kTemporaryPrefix)) continue;
    if (unlinkat(fd_, name.c_str(), 0) != 0) return FileStatus(errno, "remove", name);
  }
  return error ? ErrnoStatus(error.value(), "list " + path_) : OkStatus();
}

Status DiskFolder::ProbeDirect() {
  const std::string name = TemporaryName("probe");
  int fd = openat(fd_, name.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, kFileMode);
  if (fd < 0 && errno != EINVAL) return FileStatus(errno, "create", path_ + "/" + name);
  Fd file(fd);
  if (fd >= 0) {
    auto block = AllocateAligned(kDiskAlignment);
    std::memset(block.get(), 0, kDiskAlignment);
    // A full disk says nothing about O_DIRECT; only EINVAL does.
    direct_ = pwrite(fd, block.get(), kDiskAlignment, 0) >= 0 || errno != EINVAL;
  }
  // Some filesystems create the file before they refuse the flag.
  if (unlinkat(fd_, name.c_str(), 0) != 0 && errno != ENOENT) {
    return FileStatus(errno, "remove", name);
  }
  return OkStatus();
}

Result<std::vector<Disk::FileInfo>> DiskFolder::List() const {
  std::vector<Disk::FileInfo> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path_, error), end; !error && it != end;
       it.increment(error)) {
    std::string name = it->path().filename();
    if (name.starts_with(kTemporaryPrefix)) continue;
    struct stat info{};
    if (fstatat(fd_, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // gone since
      return FileStatus(errno, "stat", name);
    }
    if (S_ISREG(info.st_mode)) files.push_back({name, static_cast<uint64_t>(info.st_size)});
  }
  if (error) return ErrnoStatus(error.value(), "list " + path_);
  return files;
}

Status DiskFolder::WriteZeros(int fd, const std::string& name, uint64_t size) const {
  // One allocation up front keeps the file in few extents and finds a full disk at once.
  if (fallocate(fd, 0, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP &&
      errno != ENOSYS) {
    return FileStatus(errno, "allocate", name);
  }
  for (uint64_t at = 0; at < size; at += kZeroWriteBytes) {
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(kZeroWriteBytes, size - at));
    RETURN_IF_ERROR(WriteFully(fd, name, at, Zeros(), bytes));
  }
  return OkStatus();
}

Status DiskFolder::Create(const std::string& name, uint64_t size) const {
  CHECK(size % kDiskAlignment == 0);
  const std::string temporary = TemporaryName(name);
  const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (direct_ ? O_DIRECT : 0);
  Fd file(openat(fd_, temporary.c_str(), flags, kFileMode));
  if (file.get() < 0) return FileStatus(errno, "create", temporary);
  Status status = size == 0 ? OkStatus() : WriteZeros(file.get(), temporary, size);
  if (status.ok() && fsync(file.get()) != 0) status = FileStatus(errno, "sync", temporary);
  if (status.ok()) return Publish(temporary, name);
  unlinkat(fd_, temporary.c_str(), 0);
  return status;
}

Status DiskFolder::WriteFile(const std::string& name, std::string_view data) const {
  const std::string temporary = TemporaryName(name);
  Fd file(openat(fd_, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
  if (file.get() < 0) return FileStatus(errno, "create", temporary);
  Status status;
  if (!data.empty()) status = WriteFully(file.get(), temporary, 0, data.data(), data.size());
  if (status.ok() && fsync(file.get()) != 0) status = FileStatus(errno, "sync", temporary);
  if (status.ok()) return Publish(temporary, name);
  unlinkat(fd_, temporary.c_str(), 0);
  return status;
}

Status DiskFolder::Publish(const std::string& temporary, const std::string& name) const {
  if (renameat(fd_, temporary.c_str(), fd_, name.c_str()) == 0) return SyncFolder();
  Status status = FileStatus(errno, "rename", temporary);
  unlinkat(fd_, temporary.c_str(), 0);
  return status;
}

Status DiskFolder::Rename(const std::string& from, const std::string& to) const {
  if (renameat(fd_, from.c_str(), fd_, to.c_str()) != 0) return FileStatus(errno, "rename", from);
  return SyncFolder();
}

Status DiskFolder::Remove(const std::string& name) const {
  if (unlinkat(fd_, name.c_str(), 0) != 0) return FileStatus(errno, "remove", name);
  return SyncFolder();
}

Status DiskFolder::SyncFolder() const {
  return fsync(fd_) == 0 ? OkStatus() : ErrnoStatus(errno, "sync folder " + path_);
}

uint64_t DiskFolder::FreeBytes() const {
  struct statvfs info{};
  if (fstatvfs(fd_, &info) != 0) return 0;
  return uint64_t{info.f_bavail} * info.f_frsize;
}

Result<std::shared_ptr<OpenFile>> DiskFolder::OpenForLog(const std::string& name) const {
  const int flags = O_RDWR | O_DSYNC | O_CLOEXEC | (direct_ ? O_DIRECT : 0);
  int fd = openat(fd_, name.c_str(), flags);
  if (fd < 0) return FileStatus(errno, "open", name);
  return std::make_shared<OpenFile>(name, fd);
}

Status DiskFolder::WriteAt(const OpenFile& file, uint64_t offset, const Slice& data) {
  return WriteFully(file.fd(), file.name(), offset, data.data(), data.size());
}

Result<Slice> DiskFolder::ReadAt(const OpenFile& file, uint64_t offset, size_t size) {
  const uint64_t begin = offset / kDiskAlignment * kDiskAlignment;
  const uint64_t end = (offset + size + kDiskAlignment - 1) / kDiskAlignment * kDiskAlignment;
  auto buffer = AllocateAligned(static_cast<size_t>(end - begin));
  uint64_t at = begin;
  while (at < end) {
    ssize_t n = pread(file.fd(), buffer.get() + (at - begin), static_cast<size_t>(end - at),
                      static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileStatus(errno, "read", file.name());
    at += static_cast<uint64_t>(n);
    // At the end of the file a direct read stops between two blocks.
    if (n == 0 || static_cast<uint64_t>(n) % kDiskAlignment != 0) break;
  }
  if (at < end) RETURN_IF_ERROR(CheckEndOfFile(file, at));
  return PartOf(std::move(buffer), begin, at, offset, size);
}

}  // namespace millrace::storage
