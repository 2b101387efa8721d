#pragma once

#include <string_view>

#include "common/kube/object_cache.h"

namespace millrace::resources {

// By what objects of a kind of ours are found in memory: "streamName", "streamUid" (decimal;
// Streams and slices), "deleting" ("true"; ShardMaps). For who lists streams also their order by
// "streamName", and the sums "openShards" and "onDemand" over them. Pure.
kube::CacheOptions CacheIndexesOf(std::string_view kind, bool lists_streams);

}  // namespace millrace::resources
