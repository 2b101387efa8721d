// Any text as the map that a pod gets from another one or from the resource store: it is refused,
// or written as it was read.
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "common/json/value.h"
#include "common/resources/shard_map.h"
#include "dataplane/placement/map_folder.h"

using namespace millrace;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Result<json::Value> document = json::ParseJson(text, shard::kMapLimits);
  if (!document.ok()) return 0;
  Result<resources::ShardMap> map = resources::ShardMap::Parse(*document);
  if (!map.ok()) return 0;
  const std::string written = json::WriteJson(map->ToValue());
  Result<json::Value> read = json::ParseJson(written, shard::kMapLimits);
  CHECK(read.ok());
  Result<resources::ShardMap> again = resources::ShardMap::Parse(*read);
  CHECK(again.ok());
  CHECK(json::WriteJson(again->ToValue()) == written);
  return 0;
}
