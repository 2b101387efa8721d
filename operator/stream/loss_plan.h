#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "common/resources/shard_map.h"
#include "operator/stream/stream_plan.h"

namespace millrace::op {

// On a Stream: names of volumes, or of pods, whose records that are not there any more are given up
// (docs/designs/0004). Done once and removed.
inline constexpr std::string_view kAcceptLossAnnotation = "millrace.dev/accept-loss-of";

// The names in an annotation: separated by commas or blanks.
std::set<std::string> LossNames(const std::string& annotation);

// Pure changes of a map by what pods say of their volumes.

// Writes down which volume an extent is on, where its pod says that it has it and the map does not
// say. True where any was.
bool BindVolumes(const std::string& pod, const ObservedStream& observed, resources::ShardMap& map);

// Gives up the rest of extents that their pods say are missing, of the volumes or the pods that are
// named; of a volume also those whose pod is away or gone for good. Never a write head: it moves
// first.
LossAccepted AcceptLosses(const std::set<std::string>& names, const ObservedPool& pool,
                          resources::ShardMap& map);

// What is missing, for people; "" for nothing.
std::string MissingText(const resources::Resource& stream, const ObservedPool& pool,
                        const resources::ShardMap& map);
// What was given up and not expired yet, for people; "" for nothing.
std::string AcceptedText(const resources::ShardMap& map);

}  // namespace millrace::op
