#pragma once

#include <optional>

#include "cli/cluster/advice.h"
#include "cli/cluster/cluster_view.h"

namespace millrace::cli {

// What is not well with a pod or a volume claim, from what the API says of it; nothing where all
// is. `since` 0: not known. Pure.
struct Trouble {
  Finding finding;
  std::string text;  // "waits to be scheduled: 0/3 nodes are available"
  WallMs since_ms = 0;
};

std::optional<Trouble> PodTrouble(const json::Value& pod);
std::optional<Trouble> ClaimTrouble(const json::Value& claim);

}  // namespace millrace::cli
