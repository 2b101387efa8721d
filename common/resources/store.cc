#include "common/resources/store.h"

namespace millrace::resources {

std::string StreamNameIn(std::string_view name, const json::Value& spec) {
  for (const char* given : {"streamName", "deliveryStreamName"})
    if (!spec[given].AsString().empty()) return spec[given].AsString();
  return std::string(name);
}

Result<std::vector<Resource>> ResourceStore::ListByStreamName(std::string_view kind,
                                                              std::string_view stream_name) {
  ASSIGN_OR_RETURN(std::vector<Resource> all, List(kind, ""));
  std::erase_if(all, [&](const Resource& resource) {
    return StreamNameIn(resource.key.name, resource.spec) != stream_name;
  });
  return all;
}

Result<std::vector<Resource>> ResourceStore::ListDeletingMaps() {
  ASSIGN_OR_RETURN(std::vector<Resource> all, List("ShardMap", ""));
  std::erase_if(all, [](const Resource& map) { return !map.spec["deleting"].AsBool(); });
  return all;
}

}  // namespace millrace::resources
