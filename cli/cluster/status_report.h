#pragma once

#include <string>

#include "cli/cluster/cluster_view.h"

namespace millrace::cli {

// The state of a Millrace installation as one document: operators, pools, pods, streams, upgrades,
// problems. `ns` "" for all namespaces; else streams and users of that one, with the pools they
// are on wherever those are. Pure.
json::Value StatusReport(const ClusterView& view, const std::string& ns);
// The same on one screen of kScreenColumns columns.
std::string StatusText(const json::Value& report, WallMs now);

}  // namespace millrace::cli
