#include "dataplane/placement/folder_map_source.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/base/check.h"
#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/placement/map_folder.h"
#include "dataplane/placement/secret_file.h"

namespace millrace::shard {

namespace fs = std::filesystem;
using resources::ShardMap;

namespace {

constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE;

Result<ShardMap> ReadResource(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path));
  ASSIGN_OR_RETURN(const json::Value document, json::ParseJson(text, kMapLimits));
  return ShardMap::Parse(document["spec"]);
}

}  // namespace

FolderMapSource::FolderMapSource(std::string folder)
    : folder_(std::move(folder)),
      inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(wake_ >= 0);
  if (inotify_ < 0)
    log::Warning("inotify is not to be had; shard maps are found by scanning", {{"errno", errno}});
}

FolderMapSource::~FolderMapSource() {
  ::close(wake_);
  if (inotify_ >= 0) ::close(inotify_);
}

void FolderMapSource::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_, &one, sizeof(one));
}

MapSource::News FolderMapSource::Poll(std::chrono::milliseconds wait) {
  News news;
  if (!event_pending_) AwaitEvent(wait);
  event_pending_ = false;
  news.looked = SystemClock().Now();
  news.readable = Scan(news);
  return news;
}

void FolderMapSource::AwaitEvent(std::chrono::milliseconds wait) {
  pollfd fds[2] = {{wake_, POLLIN, 0}, {inotify_, POLLIN, 0}};
  ::poll(fds, 2, static_cast<int>(wait.count()));  // a negative descriptor is passed over
  // What the events say does not matter: the scan that follows sees the files as they are.
  char block[16 * 1024];
  while (::read(wake_, block, sizeof(uint64_t)) > 0) {
  }
  while (inotify_ >= 0 && ::read(inotify_, block, sizeof(block)) > 0) {
  }
}

void FolderMapSource::WatchFolder(const std::string& folder) {
  if (inotify_ < 0 || watched_.contains(folder)) return;
  if (::inotify_add_watch(inotify_, folder.c_str(), kEvents) < 0) return;  // the slow scan remains
  watched_.insert(folder);
  event_pending_ = true;  // what came between the listing and the watch
}

bool FolderMapSource::Scan(News& news) {
  std::error_code error;
  fs::directory_iterator namespaces(folder_, error);
  if (error) {
    watched_.clear();  // a folder that comes back is another one
    WatchFolder(fs::path(folder_).parent_path());
    return false;
  }
  WatchFolder(folder_);
  std::map<std::string, FileState> seen;
  for (const fs::directory_entry& ns : namespaces) {
    if (ns.is_directory(error)) ScanNamespace(ns.path(), seen, news);
  }
  files_ = std::move(seen);
  for (const auto& [path, state] : files_) {
    if (state.uid != 0) news.present.insert(state.uid);
  }
  return true;
}

void FolderMapSource::ScanNamespace(const std::string& folder,
                                    std::map<std::string, FileState>& seen, News& news) {
  WatchFolder(folder);
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json") continue;
    const std::string path = entry.path();
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    FileState state{info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_size,
                    info.st_ino, 0};
    const auto known = files_.find(path);
    if (known != files_.end()) state.uid = known->second.uid;
    if (known == files_.end() || known->second != state) {
      Result<ShardMap> map = ReadResource(path);
      if (map.ok()) {
        state.uid = map->stream_uid;
        news.changed.push_back(std::move(map).value());
      } else if (map.status().code() != Code::kNotFound) {
        log::Error("shard map cannot be read",
                   {{"file", path}, {"error", map.status().ToString()}});
      }
    }
    seen.emplace(path, state);
  }
}

}  // namespace millrace::shard
