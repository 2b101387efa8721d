#include "dataplane/placement/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "common/base/random.h"

namespace millrace::shard {
namespace {

// Closes when it goes.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status WriteAll(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write " + path);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return OkStatus();
}

Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(errno, "open " + folder);
  if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "fsync " + folder);
  return OkStatus();
}

}  // namespace

Status WriteFileDurably(const std::string& path, std::string_view content, int mode) {
  const std::string fresh = path + ".new";
  {
    const Descriptor fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (fd.get() < 0) return ErrnoStatus(errno, "open " + fresh);
    RETURN_IF_ERROR(WriteAll(fd.get(), content, fresh));
    if (::fsync(fd.get()) != 0) return ErrnoStatus(errno, "fsync " + fresh);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, "rename " + fresh);
  return SyncFolderOf(path);
}

Result<std::string> ReadWholeFile(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    if (errno == ENOENT) return NotFound(path + " does not exist");
    return ErrnoStatus(errno, "open " + path);
  }
  std::string content;
  char block[16 * 1024];
  while (true) {
    const ssize_t n = ::read(fd.get(), block, sizeof(block));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read " + path);
    if (n == 0) return content;
    content.append(block, static_cast<size_t>(n));
  }
}

Result<std::string> EnsureSecretFile(const std::string& path, size_t bytes, bool* made) {
  if (made != nullptr) *made = false;
  Result<std::string> found = ReadWholeFile(path);
  if (found.ok()) {
    if (found->size() != bytes) {
      return InvalidArgument(path + " holds " + std::to_string(found->size()) + " bytes where " +
                             std::to_string(bytes) + " are needed; restore it or move it away");
    }
    return found;
  }
  if (found.status().code() != Code::kNotFound) return found.status();
  std::string secret = SecureRandomBytes(bytes);
  RETURN_IF_ERROR(WriteFileDurably(path, secret, 0600));
  if (made != nullptr) *made = true;
  return secret;
}

}  // namespace millrace::shard
