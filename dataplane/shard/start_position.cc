#include "dataplane/shard/start_position.h"

#include <algorithm>

namespace millrace::shard {
namespace {

using resources::MapExtent;

Result<Position> Latest(const storage::Lane& lane, const ShardRef& at) {
  const auto& chain = at.shard->chain();
  if (chain.empty()) return Position{};
  if (at.stream->IsMissing(at.stream->Extent(*at.shard, chain.back().epoch)) &&
      !chain.back().end_index)
    return Unavailable("the volume that the shard's newest records are on is not here");
  const auto info = lane.Info(at.stream->Extent(*at.shard, chain.back().epoch));
  return Position{chain.back().epoch, chain.back().end_index.value_or(info ? info->end_index : 0)};
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
    if (at.stream->IsMissing(info->id)) return wanted;
    if (!info->sealed) return InvalidArgument("the sequence number has not been given yet");
    wanted.index = info->end_index;
  }
  return wanted;
}

// What one look at an extent reads. The lane may answer early by as much as the records of one
// segment, so this bounds the looks there are.
constexpr size_t kLookBytes = kMiB;

// How long after a newer extent was made a pod that was cut off may still have acknowledged into
// its own, and more than that.
constexpr WallMs kCutOffMs = 60'000;
constexpr WallMs kSecondMs = 1'000;

using Done = UniqueFunction<void(Result<Position>)>;

// The search for a time in one extent. Owns itself: each step either finishes it or hands it to the
// lane's callback.
struct ExtentSearch {
  storage::Lane& lane;
  storage::ExtentId id;
  WallMs ms;
  UniqueFunction<void(Result<uint64_t>)> done;
  uint64_t index = 0;
};
using ExtentSearchPtr = std::unique_ptr<ExtentSearch>;

void Look(ExtentSearchPtr search, size_t bytes);

void TakeLook(ExtentSearchPtr search, const storage::ReadResult& read) {
  for (const storage::Chunk& chunk : read.chunks) {
    if (chunk.arrival_ms < search->ms) continue;
    return search->done(std::max(search->index, chunk.first_index));
  }
  const bool moved = read.next_index > search->index;
  search->index = std::max(search->index, read.next_index);
  const auto info = search->lane.Info(search->id);
  if (!moved || !info || search->index >= info->end_index) return search->done(search->index);
  Look(std::move(search), kLookBytes);
}

void Look(ExtentSearchPtr search, size_t bytes) {
  ExtentSearch& it = *search;
  it.lane.Read(it.id, it.index, bytes,
               [search = std::move(search)](Result<storage::ReadResult> read) mutable {
                 if (!read.ok()) return search->done(read.status());
                 TakeLook(std::move(search), *read);
               });
}

bool IsElsewhere(const ChainSource& source, const ShardRef& at, const MapExtent& extent) {
  return source.remote != nullptr && at.stream->IsElsewhere(extent) &&
         !source.lane.Info(at.stream->Extent(*at.shard, extent.epoch));
}

void LatestElsewhere(const ChainSource& source, const ShardRef& at, Done done) {
  const MapExtent& last = at.shard->chain().back();
  source.remote->Find(*source.executor, at, last, -1,
                      [last, done = std::move(done)](const Result<RemoteInfo>& info) mutable {
                        if (info.ok()) return done(Position{last.epoch, info->end_index});
                        if (last.end_index) return done(Position{last.epoch, *last.end_index});
                        done(info.status());
                      });
}

// The number is of `extent`, which its owner is asked about; where that is away it is believed.
void SequenceElsewhere(const ChainSource& source, const ShardRef& at, const StartPoint& start,
                       const MapExtent& extent, Done done) {
  const uint64_t number = start.sequence.index;
  const bool after = start.kind == StartPoint::Kind::kAfterSequenceNumber;
  const Position wanted{extent.epoch, after || number == 0 ? number : number - 1};
  source.remote->Find(
      *source.executor, at, extent, -1,
      [wanted, number, done = std::move(done)](const Result<RemoteInfo>& info) mutable {
        if (!info.ok() || number <= info->end_index) return done(wanted);
        if (!info->sealed)
          return done(InvalidArgument("the sequence number has not been given yet"));
        done(Position{wanted.epoch, info->end_index});
      });
}

void ResolveLatest(const ChainSource& source, const ShardRef& at, Done done) {
  const auto& chain = at.shard->chain();
  if (!chain.empty() && IsElsewhere(source, at, chain.back()))
    return LatestElsewhere(source, at, std::move(done));
  done(Latest(source.lane, at));
}

void ResolveSequence(const ChainSource& source, const ShardRef& at, const StartPoint& start,
                     Done done) {
  for (const MapExtent& extent : at.shard->chain()) {
    if (extent.epoch == start.sequence.epoch && IsElsewhere(source, at, extent))
      return SequenceElsewhere(source, at, start, extent, std::move(done));
  }
  done(AtSequence(source.lane, at, start));
}

// The search for a time along the chain. Shared by what it waits for.
struct ChainSearch {
  ChainSource source;
  ShardRef at;
  WallMs ms;
  Done done;

  const std::vector<MapExtent>& chain() const { return at.shard->chain(); }
};
using ChainSearchPtr = std::shared_ptr<ChainSearch>;

void SearchFrom(const ChainSearchPtr& search, size_t i);

// Of the i-th extent nobody can say what is in it from `index` on: the search ends there, unless
// all of it is older than what is asked for.
void PassUnknown(const ChainSearchPtr& search, size_t i, uint64_t index) {
  const auto& chain = search->chain();
  const bool too_old =
      i + 1 < chain.size() &&
      static_cast<WallMs>(chain[i + 1].epoch) * kSecondMs + kCutOffMs <= search->ms;
  const bool nothing = chain[i].end_index && index >= *chain[i].end_index;
  if (!too_old && !nothing) return search->done(Position{chain[i].epoch, index});
  SearchFrom(search, i + 1);
}

void TakeElsewhere(const ChainSearchPtr& search, size_t i, const Result<RemoteInfo>& info) {
  if (!info.ok()) return PassUnknown(search, i, 0);
  if (info->index_at < info->end_index)
    return search->done(Position{search->chain()[i].epoch, info->index_at});
  SearchFrom(search, i + 1);
}

void SearchElsewhere(const ChainSearchPtr& search, size_t i) {
  search->source.remote->Find(
      *search->source.executor, search->at, search->chain()[i], search->ms,
      [search, i](const Result<RemoteInfo>& info) { TakeElsewhere(search, i, info); });
}

void SearchFrom(const ChainSearchPtr& search, size_t i) {
  const ShardRef& at = search->at;
  for (; i < search->chain().size(); ++i) {
    const uint64_t epoch = search->chain()[i].epoch;
    if (IsElsewhere(search->source, at, search->chain()[i])) return SearchElsewhere(search, i);
    const storage::ExtentId id = at.stream->Extent(*at.shard, epoch);
    const auto info = search->source.lane.Info(id);
    const bool missing = at.stream->IsMissing(id);
    if (!info || info->begin_index == info->end_index) {
      if (missing) return PassUnknown(search, i, info ? info->end_index : 0);
      continue;
    }
    return FindTime(
        search->source.lane, id, search->ms,
        [search, i, epoch, missing, end = info->end_index](const Result<uint64_t>& index) {
          if (!index.ok()) return search->done(index.status());
          if (*index < end) return search->done(Position{epoch, *index});
          if (missing) return PassUnknown(search, i, end);
          SearchFrom(search, i + 1);
        });
  }
  ResolveLatest(search->source, at, std::move(search->done));
}

}  // namespace

void FindTime(storage::Lane& lane, const storage::ExtentId& id, WallMs ms,
              UniqueFunction<void(Result<uint64_t>)> done) {
  const Result<uint64_t> index = lane.IndexAtTime(id, ms);
  const auto info = lane.Info(id);
  if (!index.ok() || !info || *index >= info->end_index) return done(index);
  // The chunk that it names is looked at, since it may be an earlier one than asked for.
  Look(std::make_unique<ExtentSearch>(ExtentSearch{lane, id, ms, std::move(done), *index}), 1);
}

void ResolveStart(const ChainSource& source, const ShardRef& at, const StartPoint& start,
                  Done done) {
  const auto& chain = at.shard->chain();
  switch (start.kind) {
    case StartPoint::Kind::kTrimHorizon:
      return done(chain.empty() ? Position{} : Position{chain.front().epoch, 0});
    case StartPoint::Kind::kLatest:
      return ResolveLatest(source, at, std::move(done));
    case StartPoint::Kind::kAtSequenceNumber:
    case StartPoint::Kind::kAfterSequenceNumber:
      return ResolveSequence(source, at, start, std::move(done));
    case StartPoint::Kind::kAtTimestamp:
      return SearchFrom(std::make_shared<ChainSearch>(
                            ChainSearch{source, at, start.timestamp_ms, std::move(done)}),
                        0);
  }
  done(Internal("unknown kind of start"));
}

void ResolveStart(storage::Lane& lane, const ShardRef& at, const StartPoint& start, Done done) {
  ResolveStart(ChainSource{lane}, at, start, std::move(done));
}

}  // namespace millrace::shard
