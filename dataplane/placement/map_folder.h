#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"
#include "common/resources/shard_map.h"

namespace millrace::shard {

// A map of 10,000 shards is far past what a request may be.
inline constexpr json::Limits kMapLimits{
    .depth_max = 16, .tokens_max = 20'000'000, .number_chars_max = 64};

// The last maps this process knew, one file a stream (<folder>/<uid>.json), so that it starts and
// serves while the resource store is away. Blocks; the map thread only.
class MapFolder {
 public:
  // Makes the folder where it is missing.
  static Result<MapFolder> Open(std::string folder);
  // What was saved; a file that does not parse is named in the log and left alone.
  std::vector<resources::ShardMap> Load() const;
  // Durable on return; replaces the version before as a whole.
  Status Save(const resources::ShardMap& map) const;
  Status Remove(uint64_t uid) const;

 private:
  explicit MapFolder(std::string folder) : folder_(std::move(folder)) {}
  std::string PathOf(uint64_t uid) const { return folder_ + "/" + std::to_string(uid) + ".json"; }

  std::string folder_;
};

}  // namespace millrace::shard
