#include "cli/agent/file_tail.h"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/codec/crc32.h"
#include "common/log/log.h"

namespace millrace::cli {
namespace {

constexpr size_t kRecordBytesMax = 1024 * 1024;
constexpr size_t kReadBytesPerPoll = 1024 * 1024;
constexpr size_t kFingerprintBytesMax = 256;

// Names that a log rotator compressed: their content was read under the name before.
bool IsCompressed(const std::string& path) {
  return path.ends_with(".gz") || path.ends_with(".bz2") || path.ends_with(".zip") ||
         path.ends_with(".xz");
}

uint32_t Fingerprint(int fd, size_t bytes) {
  char head[kFingerprintBytesMax];
  ssize_t n = pread(fd, head, std::min(bytes, sizeof head), 0);
  return n > 0 ? codec::Crc32c(head, static_cast<size_t>(n)) : 0;
}

}  // namespace

struct FileTail::File {
  ~File() {
    if (fd >= 0) close(fd);
  }
  std::string path;
  std::string name;  // "<stream>|<device>:<inode>"
  dev_t device = 0;
  ino_t inode = 0;
  int fd = -1;
  uint64_t read_offset = 0;
  int64_t lines_to_skip = 0;
  bool at_path = true;  // still found under a name that matches
  std::optional<RecordSplitter> splitter;
};

FileTail::FileTail(const FlowConfig& flow, const CheckpointStore& checkpoints)
    : flow_(flow), checkpoints_(checkpoints) {}

FileTail::~FileTail() = default;

std::vector<std::string> FileTail::Matching() const {
  std::vector<std::string> paths;
  glob_t found{};
  if (glob(flow_.file_pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      if (!IsCompressed(found.gl_pathv[i])) paths.emplace_back(found.gl_pathv[i]);
    }
  }
  globfree(&found);
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status FileTail::Discover(bool first) {
  for (auto& file : files_) file->at_path = false;
  for (const std::string& path : Matching()) {
    struct stat info{};
    if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    auto known = std::find_if(files_.begin(), files_.end(), [&](const auto& f) {
      return f->device == info.st_dev && f->inode == info.st_ino;
    });
    if (known != files_.end()) {
      (*known)->at_path = true;
      (*known)->path = path;
    } else {
      RETURN_IF_ERROR(OpenFile(path, first));
    }
  }
  return OkStatus();
}

Status FileTail::OpenFile(const std::string& path, bool first) {
  auto file = std::make_unique<File>();
  file->path = path;
  file->fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file->fd < 0) {
    log::Warning("file cannot be read",
                 {{"path", path}, {"error", ErrnoStatus(errno, "open").message()}});
    return OkStatus();
  }
  struct stat info{};
  if (fstat(file->fd, &info) != 0) return ErrnoStatus(errno, "stat " + path);
  file->device = info.st_dev;
  file->inode = info.st_ino;
  file->name = flow_.stream + "|" + std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
  ASSIGN_OR_RETURN(file->splitter, RecordSplitter::Make(flow_.multi_line_start, kRecordBytesMax,
                                                        flow_.truncated_terminator));
  auto size = static_cast<uint64_t>(info.st_size);
  std::optional<FileCheckpoint> checkpoint = checkpoints_.Find(file->name);
  bool same = checkpoint && checkpoint->offset <= size && checkpoint->fingerprint_bytes <= size &&
              Fingerprint(file->fd, checkpoint->fingerprint_bytes) == checkpoint->fingerprint;
  if (same) {
    file->read_offset = checkpoint->offset;
  } else if (first && !checkpoint && !flow_.from_start) {
    file->read_offset = size;
  } else {
    file->lines_to_skip = flow_.skip_header_lines;
  }
  log::Info("following file",
            {{"path", path}, {"stream", flow_.stream}, {"from", file->read_offset}});
  files_.push_back(std::move(file));
  return OkStatus();
}

Status FileTail::Poll(std::vector<PendingRecord>& records) {
  RETURN_IF_ERROR(Discover(first_poll_));
  first_poll_ = false;
  for (size_t i = 0; i < files_.size();) {
    File& file = *files_[i];
    uint64_t before = file.read_offset;
    RETURN_IF_ERROR(ReadFile(file, records));
    // Rotated away and read to its end: what is left without a line end is a record, too.
    if (!file.at_path && file.read_offset == before) {
      std::vector<std::string> last;
      file.splitter->Finish(last);
      Take(file, std::move(last), records);
      files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    ++i;
  }
  return OkStatus();
}

Status FileTail::ReadFile(File& file, std::vector<PendingRecord>& records) {
  struct stat info{};
  if (fstat(file.fd, &info) != 0) return ErrnoStatus(errno, "stat " + file.path);
  if (static_cast<uint64_t>(info.st_size) < file.read_offset) {
    log::Info("file was truncated; reading it from its start", {{"path", file.path}});
    file.read_offset = 0;
    file.lines_to_skip = flow_.skip_header_lines;
    ASSIGN_OR_RETURN(file.splitter, RecordSplitter::Make(flow_.multi_line_start, kRecordBytesMax,
                                                         flow_.truncated_terminator));
  }
  std::string buffer(kReadBytesPerPoll, '\0');
  ssize_t n = pread(file.fd, buffer.data(), buffer.size(), static_cast<off_t>(file.read_offset));
  if (n < 0) return ErrnoStatus(errno, "read " + file.path);
  file.read_offset += static_cast<uint64_t>(n);
  std::vector<std::string> lines;
  file.splitter->Feed({buffer.data(), static_cast<size_t>(n)}, lines);
  Take(file, std::move(lines), records);
  return OkStatus();
}

void FileTail::Take(File& file, std::vector<std::string> lines,
                    std::vector<PendingRecord>& records) {
  if (lines.empty()) return;
  // Only the last record of a read moves the checkpoint: those before it are delivered with it or
  // before it, and a restart in between repeats them (at least once).
  FileCheckpoint after;
  after.offset =
      file.read_offset - std::min<uint64_t>(file.splitter->pending_bytes(), file.read_offset);
  after.fingerprint_bytes =
      static_cast<uint32_t>(std::min<uint64_t>(after.offset, kFingerprintBytesMax));
  after.fingerprint = Fingerprint(file.fd, after.fingerprint_bytes);
  size_t count = lines.size();
  for (size_t i = 0; i < count; ++i) {
    if (file.lines_to_skip > 0) {
      --file.lines_to_skip;
      continue;
    }
    PendingRecord record;
    record.data = std::move(lines[i]);
    if (i + 1 == count) {
      record.file = file.name;
      record.after = after;
    }
    records.push_back(std::move(record));
  }
}

}  // namespace millrace::cli
