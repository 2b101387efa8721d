#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "dataplane/placement/map_source.h"

namespace millrace::gateway {

struct KubeMapsOptions {
  std::string kubeconfig;               // "": the pod's service account, or the usual places
  std::vector<std::string> namespaces;  // whose maps are followed; empty: all
};

// The shard maps of a Kubernetes API, listed before the return where it answers. Needs get, list
// and watch of shardmaps and shardmapslices. kNotFound where no cluster is configured.
Result<std::unique_ptr<shard::MapSource>> OpenKubeMaps(const KubeMapsOptions& options);

}  // namespace millrace::gateway
