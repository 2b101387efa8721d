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

// What one look at an extent reads. The lane may answer early by as much as the records of one
// segment, so this bounds the looks there are.
constexpr size_t kLookBytes = kMiB;

// The search for a time along the chain. Owns itself: each step either finishes it or hands it to
// the lane's callback.
struct TimeSearch {
  storage::Lane& lane;
  ShardRef at;
  WallMs ms;
  UniqueFunction<void(Result<Position>)> done;
  size_t extent = 0;  // in the chain
  uint64_t index = 0;

  uint64_t epoch() const { return at.shard->chain()[extent].epoch; }
  storage::ExtentId id() const { return at.stream->Extent(*at.shard, epoch()); }
};
using TimeSearchPtr = std::unique_ptr<TimeSearch>;

void Look(TimeSearchPtr search, size_t bytes);

// Takes the lane's answer for the extents from search->extent on; the chunk it names is looked at,
// since it may be an earlier one than asked for.
void SearchOn(TimeSearchPtr search) {
  for (; search->extent < search->at.shard->chain().size(); ++search->extent, search->index = 0) {
    const auto info = search->lane.Info(search->id());
    if (!info) continue;
    const Result<uint64_t> index = search->lane.IndexAtTime(search->id(), search->ms);
    if (!index.ok()) return search->done(index.status());
    const bool first = search->index == 0;
    search->index = std::max(search->index, *index);
    if (search->index < info->end_index) return Look(std::move(search), first ? 1 : kLookBytes);
  }
  search->done(Latest(search->lane, search->at));
}

void TakeLook(TimeSearchPtr search, const storage::ReadResult& read) {
  for (const storage::Chunk& chunk : read.chunks) {
    if (chunk.arrival_ms < search->ms) continue;
    return search->done(Position{search->epoch(), std::max(search->index, chunk.first_index)});
  }
  if (read.next_index > search->index) {
    search->index = read.next_index;
  } else {
    ++search->extent;
    search->index = 0;
  }
  SearchOn(std::move(search));
}

void Look(TimeSearchPtr search, size_t bytes) {
  TimeSearch& it = *search;
  it.lane.Read(it.id(), it.index, bytes,
               [search = std::move(search)](Result<storage::ReadResult> read) mutable {
                 if (!read.ok()) return search->done(read.status());
                 TakeLook(std::move(search), *read);
               });
}

}  // namespace

void ResolveStart(storage::Lane& lane, const ShardRef& at, const StartPoint& start,
                  UniqueFunction<void(Result<Position>)> done) {
  switch (start.kind) {
    case StartPoint::Kind::kTrimHorizon:
      return done(at.shard->chain().empty() ? Position{}
                                            : Position{at.shard->chain().front().epoch, 0});
    case StartPoint::Kind::kLatest:
      return done(Latest(lane, at));
    case StartPoint::Kind::kAtSequenceNumber:
    case StartPoint::Kind::kAfterSequenceNumber:
      return done(AtSequence(lane, at, start));
    case StartPoint::Kind::kAtTimestamp:
      return SearchOn(
          std::make_unique<TimeSearch>(TimeSearch{lane, at, start.timestamp_ms, std::move(done)}));
  }
  done(Internal("unknown kind of start"));
}

}  // namespace millrace::shard
