#include "dataplane/shard/start_position.h"

#include <algorithm>

namespace millrace::shard {
namespace {

using resources::MapExtent;

Position Latest(const storage::Lane& lane, const ShardRef& at) {
  const auto& chain = at.shard->chain();
  if (chain.empty()) return {};
  const auto info = lane.Info(at.stream->Extent(*at.shard, chain.back().epoch));
  return {chain.back().epoch, info ? info->end_index : chain.back().end_index.value_or(0)};
}

Result<Position> AtSequence(const storage::Lane& lane, const ShardRef& at,
                            const StartPoint& start) {
  const auto& chain = at.shard->chain();
  const resources::SequenceNumber& number = start.sequence;
  const bool after = start.kind == StartPoint::Kind::kAfterSequenceNumber;
  Position wanted{number.epoch, after || number.index == 0 ? number.index : number.index - 1};
  const auto extent = std::find_if(chain.begin(), chain.end(),
                                   [&](const MapExtent& e) { return e.epoch == number.epoch; });
  if (extent == chain.end()) {
    // Older than everything kept: the reader goes on at the horizon. Younger: never given.
    const bool gone = !chain.empty() && number.epoch < chain.back().epoch;
    if (gone) return wanted;
    return InvalidArgument("the sequence number did not come from this stream");
  }
  const auto info = lane.Info(at.stream->Extent(*at.shard, number.epoch));
  if (info && number.index > info->end_index) {
    // A closed shard's EndingSequenceNumber is a bound until its exact end is known.
    if (!info->sealed) return InvalidArgument("the sequence number has not been given yet");
    wanted.index = info->end_index;
  }
  return wanted;
}

Result<Position> AtTimestamp(const storage::Lane& lane, const ShardRef& at, WallMs ms) {
  for (const MapExtent& extent : at.shard->chain()) {
    const storage::ExtentId id = at.stream->Extent(*at.shard, extent.epoch);
    const auto info = lane.Info(id);
    if (!info) continue;
    ASSIGN_OR_RETURN(const uint64_t index, lane.IndexAtTime(id, ms));
    if (index < info->end_index) return Position{extent.epoch, index};
  }
  return Latest(lane, at);
}

}  // namespace

Result<Position> ResolveStart(const storage::Lane& lane, const ShardRef& at,
                              const StartPoint& start) {
  switch (start.kind) {
    case StartPoint::Kind::kTrimHorizon:
      return at.shard->chain().empty() ? Position{} : Position{at.shard->chain().front().epoch, 0};
    case StartPoint::Kind::kLatest:
      return Latest(lane, at);
    case StartPoint::Kind::kAtSequenceNumber:
    case StartPoint::Kind::kAfterSequenceNumber:
      return AtSequence(lane, at, start);
    case StartPoint::Kind::kAtTimestamp:
      return AtTimestamp(lane, at, start.timestamp_ms);
  }
  return Internal("unknown kind of start");
}

}  // namespace millrace::shard
