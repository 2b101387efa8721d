#include "dataplane/delivery/sinks/folder/folder_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace millrace::delivery {

namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0644;

Status WriteSynced(const std::string& path, std::string_view body) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (fd < 0) return ErrnoStatus(errno, "open " + path);
  Status status;
  while (!body.empty() && status.ok()) {
    const ssize_t n = write(fd, body.data(), body.size());
    if (n < 0)
      status = ErrnoStatus(errno, "write " + path);
    else
      body.remove_prefix(static_cast<size_t>(n));
  }
  if (status.ok() && fsync(fd) != 0) status = ErrnoStatus(errno, "fsync " + path);
  if (close(fd) != 0 && status.ok()) status = ErrnoStatus(errno, "close " + path);
  return status;
}

Status SyncFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "open " + path);
  const Status status = fsync(fd) == 0 ? OkStatus() : ErrnoStatus(errno, "fsync " + path);
  close(fd);
  return status;
}

// Makes the folder and those above it, each synced into the one that holds it.
Status MakeFolders(const std::string& path) {
  std::error_code error;
  if (path.empty() || path == "/" || fs::is_directory(path, error)) return OkStatus();
  const std::string parent = fs::path(path).parent_path();
  RETURN_IF_ERROR(MakeFolders(parent));
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return ErrnoStatus(errno, "mkdir " + path);
  return SyncFolder(parent.empty() ? "." : parent);
}

// A key could climb out of the folder with ".." from a partition key.
bool StaysInside(std::string_view name) {
  for (const fs::path& part : fs::path(name))
    if (part == "..") return false;
  return !name.empty();
}

class FolderSink final : public Sink {
 public:
  explicit FolderSink(std::string folder) : folder_(std::move(folder)) {}

  Delivery Deliver(const Parcel& parcel) override {
    if (!StaysInside(parcel.name))
      return {.verdict = Delivery::Verdict::kRefused,
              .code = "Folder.InvalidName",
              .message = "'" + parcel.name + "' is no name inside the folder"};
    const Status status = Put(folder_ + "/" + parcel.name, parcel.body);
    if (status.ok()) return {};
    return {.verdict = Delivery::Verdict::kRetry,
            .code = status.code() == Code::kNoSpace ? "Folder.NoSpace" : "Folder.Error",
            .message = status.message()};
  }

  Status Probe() override {
    RETURN_IF_ERROR(MakeFolders(folder_));
    if (access(folder_.c_str(), W_OK | X_OK) != 0) return ErrnoStatus(errno, folder_);
    return OkStatus();
  }

  void Stop() override {}

 private:
  static Status Put(const fs::path& path, std::string_view body) {
    const std::string folder = path.parent_path();
    RETURN_IF_ERROR(MakeFolders(folder));
    const std::string part = folder + "/." + path.filename().string() + ".part";
    const Status written = WriteSynced(part, body);
    if (!written.ok()) {
      unlink(part.c_str());
      return written;
    }
    if (rename(part.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, "rename " + part);
    return SyncFolder(folder);
  }

  const std::string folder_;
};

}  // namespace

std::unique_ptr<Sink> MakeFolderSink(std::string folder) {
  return std::make_unique<FolderSink>(std::move(folder));
}

}  // namespace millrace::delivery
