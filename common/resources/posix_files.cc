#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/resources/store_files.h"

namespace millrace::resources {
namespace {

namespace fs = std::filesystem;

// An open file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

Status WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "write " + path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return OkStatus();
}

Status SyncPath(const std::string& path) {
  const Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.ok()) return ErrnoStatus(errno, "open " + path);
  if (fsync(folder.get()) != 0) return ErrnoStatus(errno, "fsync " + path);
  return OkStatus();
}

class PosixFiles final : public StoreFiles {
 public:
  explicit PosixFiles(std::string folder) : folder_(std::move(folder)) {}

  Status Lock() override {
    RETURN_IF_ERROR(MakeFolder(""));
    const std::string path = At(".lock");
    constexpr mode_t kOwnerOnly = 0600;
    lock_ = Descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly));
    if (!lock_.ok()) return ErrnoStatus(errno, "open " + path);
    if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return OkStatus();
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "flock " + path);
    return Unavailable("another process is using the resource store in " + folder_);
  }

  Result<std::vector<std::string>> List() override {
    std::vector<std::string> paths;
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(folder_, error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      if (it->is_regular_file(error))
        paths.push_back(it->path().lexically_relative(folder_).string());
    }
    if (error) return ErrnoStatus(error.value(), "list " + folder_);
    return paths;
  }

  Result<std::string> Read(const std::string& path) override {
    const Descriptor file(open(At(path).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.ok()) return ErrnoStatus(errno, "open " + At(path));
    std::string text;
    constexpr size_t kPieceSize = 64 * 1024;
    while (true) {
      const size_t before = text.size();
      text.resize(before + kPieceSize);
      const ssize_t got = read(file.get(), text.data() + before, kPieceSize);
      if (got < 0 && errno != EINTR) return ErrnoStatus(errno, "read " + At(path));
      text.resize(before + static_cast<size_t>(got > 0 ? got : 0));
      if (got == 0) return text;
    }
  }

  Status MakeFolder(const std::string& path) override {
    // One level at a time, each made durable in its parent before the next.
    const fs::path whole = At(path);
    if (std::error_code error; fs::is_directory(whole, error)) return OkStatus();
    fs::path made;
    for (const fs::path& part : whole) {
      const fs::path parent = made.empty() ? fs::path(".") : made;
      made /= part;
      constexpr mode_t kOwnerOnly = 0700;
      if (mkdir(made.c_str(), kOwnerOnly) == 0) {
        RETURN_IF_ERROR(SyncPath(parent.string()));
      } else if (errno != EEXIST) {
        return ErrnoStatus(errno, "mkdir " + made.string());
      }
    }
    return OkStatus();
  }

  Status WriteAndSync(const std::string& path, std::string_view text) override {
    constexpr mode_t kOwnerOnly = 0600;
    const Descriptor file(
        open(At(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kOwnerOnly));
    if (!file.ok()) return ErrnoStatus(errno, "open " + At(path));
    RETURN_IF_ERROR(WriteAll(file.get(), text, At(path)));
    if (fsync(file.get()) != 0) return ErrnoStatus(errno, "fsync " + At(path));
    return OkStatus();
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (rename(At(from).c_str(), At(to).c_str()) == 0) return OkStatus();
    return ErrnoStatus(errno, "rename " + At(from));
  }

  Status Remove(const std::string& path) override {
    return unlink(At(path).c_str()) == 0 ? OkStatus() : ErrnoStatus(errno, "unlink " + At(path));
  }

  Status SyncFolder(const std::string& path) override { return SyncPath(At(path)); }

 private:
  std::string At(const std::string& path) const {
    return path.empty() ? folder_ : folder_ + "/" + path;
  }

  const std::string folder_;
  Descriptor lock_;
};

}  // namespace

std::unique_ptr<StoreFiles> MakePosixFiles(std::string folder) {
  return std::make_unique<PosixFiles>(std::move(folder));
}

}  // namespace millrace::resources
