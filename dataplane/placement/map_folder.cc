#include "dataplane/placement/map_folder.h"

#include <cerrno>
#include <filesystem>

#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/placement/secret_file.h"

namespace millrace::shard {

namespace fs = std::filesystem;
using resources::ShardMap;

namespace {

Result<ShardMap> ReadMap(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path));
  ASSIGN_OR_RETURN(const json::Value value, json::ParseJson(text, kMapLimits));
  return ShardMap::Parse(value);
}

}  // namespace

Result<MapFolder> MapFolder::Open(std::string folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), "mkdir " + folder);
  return MapFolder(std::move(folder));
}

std::vector<ShardMap> MapFolder::Load() const {
  std::vector<ShardMap> maps;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    if (entry.path().extension() != ".json") continue;
    Result<ShardMap> map = ReadMap(entry.path());
    if (map.ok()) {
      maps.push_back(std::move(map).value());
    } else {
      log::Error("saved shard map cannot be read",
                 {{"file", entry.path().string()}, {"error", map.status().ToString()}});
    }
  }
  if (error)
    log::Error("saved shard maps cannot be listed",
               {{"folder", folder_}, {"error", error.message()}});
  return maps;
}

Status MapFolder::Save(const ShardMap& map) const {
  return WriteFileDurably(PathOf(map.stream_uid), json::WriteJson(map.ToValue()), 0644);
}

Status MapFolder::Remove(uint64_t uid) const {
  std::error_code error;
  fs::remove(PathOf(uid), error);
  return error ? ErrnoStatus(error.value(), "remove " + PathOf(uid)) : OkStatus();
}

}  // namespace millrace::shard
