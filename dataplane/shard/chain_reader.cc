#include "dataplane/shard/chain_reader.h"

#include <algorithm>

namespace millrace::shard {
namespace {

using resources::MapExtent;
using storage::Lane;
using storage::ReadResult;

// One read on its way along the chain. Owns itself: each step either finishes it or hands it to the
// lane's callback.
struct Walk {
  ChainSource source;
  ShardRef at;
  ChainReadOptions options;
  UniqueFunction<void(Result<ChainRead>)> done;
  ChainRead result;
};
using WalkPtr = std::unique_ptr<Walk>;

// The extent that has `next`, or the first after where it was.
const MapExtent* ExtentAt(const std::vector<MapExtent>& chain, Position& next) {
  const auto it = std::lower_bound(
      chain.begin(), chain.end(), next.epoch,
      [](const MapExtent& extent, uint64_t epoch) { return extent.epoch < epoch; });
  if (it == chain.end()) return nullptr;
  if (it->epoch != next.epoch) next = {it->epoch, 0};
  return &*it;
}

bool IsLast(const ShardView& shard, const MapExtent& extent) {
  return &extent == &shard.chain().back();
}

void Finish(WalkPtr walk) {
  UniqueFunction<void(Result<ChainRead>)> done = std::move(walk->done);
  done(std::move(walk->result));
}

void Step(WalkPtr walk);

// At the end of `extent`, which grows no more: on to the one after it, or the end of what there is.
void PassEnd(WalkPtr walk, const MapExtent& extent) {
  const ShardView& shard = *walk->at.shard;
  if (IsLast(shard, extent)) {
    walk->result.at_tip = true;
    // An open shard's last extent is sealed just before the map that says so is published.
    walk->result.end_of_shard = !shard.open();
    // Sealed by another pod, which knows a newer map than this one.
    walk->result.waiting = shard.open() && walk->at.stream->IsElsewhere(extent);
    return Finish(std::move(walk));
  }
  walk->result.next = {(&extent)[1].epoch, 0};
  if (!walk->result.runs.empty()) return Finish(std::move(walk));
  Step(std::move(walk));
}

// At the end of what this pod has of an extent that it should have more of.
void WaitForVolume(WalkPtr walk) {
  walk->result.waiting = walk->result.runs.empty();
  Finish(std::move(walk));
}

void TakeRead(WalkPtr walk, const MapExtent& extent, ReadResult read) {
  Position& next = walk->result.next;
  for (storage::Chunk& chunk : read.chunks) {
    walk->result.runs.push_back(
        {extent.epoch, std::max(next.index, chunk.first_index), std::move(chunk)});
  }
  const bool moved = read.next_index > next.index;
  next.index = std::max(next.index, read.next_index);
  const storage::ExtentId id = walk->at.stream->Extent(*walk->at.shard, extent.epoch);
  if (read.end_of_extent && walk->at.stream->IsMissing(id)) return WaitForVolume(std::move(walk));
  if (read.end_of_extent) return PassEnd(std::move(walk), extent);
  if (!walk->result.runs.empty() || !moved) {
    const auto info = walk->source.lane.Info(id);
    walk->result.at_tip =
        IsLast(*walk->at.shard, extent) && (!info || next.index >= info->end_index);
    return Finish(std::move(walk));
  }
  Step(std::move(walk));  // only quarantined records so far
}

// The owner's answer for `extent`.
void TakeElsewhere(WalkPtr walk, const MapExtent& extent, Result<RemoteRead> answer) {
  ChainRead& result = walk->result;
  const bool last = IsLast(*walk->at.shard, extent);
  if (!answer.ok()) {
    if (answer.status().code() == Code::kThrottled) {
      UniqueFunction<void(Result<ChainRead>)> done = std::move(walk->done);
      return done(answer.status());
    }
    result.waiting = true;
    return Finish(std::move(walk));
  }
  for (storage::Chunk& chunk : answer->read.chunks) {
    result.runs.push_back(
        {extent.epoch, std::max(result.next.index, chunk.first_index), std::move(chunk)});
  }
  result.next.index = std::max(result.next.index, answer->read.next_index);
  if (answer->read.end_of_extent) return PassEnd(std::move(walk), extent);
  result.at_tip = last && result.next.index >= answer->end_index;
  result.waiting = !last && result.runs.empty();
  Finish(std::move(walk));
}

void StepElsewhere(WalkPtr walk, const MapExtent& extent) {
  ChainRead& result = walk->result;
  result.elsewhere = true;
  if (walk->source.remote == nullptr) {
    result.waiting = true;
    return Finish(std::move(walk));
  }
  const ChainReadOptions& asked = walk->options;
  const RemoteReadOptions options{.from_index = result.next.index,
                                  .bytes_max = asked.bytes_max,
                                  .wait = asked.wait,
                                  .records_max = asked.records_max};
  const ChainSource source = walk->source;
  const ShardRef at = walk->at;
  source.remote->Read(*source.executor, at, extent, options,
                      [walk = std::move(walk), &extent](Result<RemoteRead> answer) mutable {
                        TakeElsewhere(std::move(walk), extent, std::move(answer));
                      });
}

void Step(WalkPtr walk) {
  walk->result.elsewhere = false;
  const MapExtent* extent = ExtentAt(walk->at.shard->chain(), walk->result.next);
  if (extent == nullptr) {
    walk->result.at_tip = true;
    walk->result.end_of_shard = !walk->at.shard->open();
    return Finish(std::move(walk));
  }
  const uint64_t from = walk->result.next.index;
  if (extent->end_index && from >= *extent->end_index) return PassEnd(std::move(walk), *extent);
  const storage::ExtentId id = walk->at.stream->Extent(*walk->at.shard, extent->epoch);
  Lane& lane = walk->source.lane;
  const auto info = lane.Info(id);
  if (!info && walk->at.stream->IsElsewhere(*extent))
    return StepElsewhere(std::move(walk), *extent);
  if (walk->at.stream->IsMissing(id) && (!info || from >= info->end_index))
    return WaitForVolume(std::move(walk));
  if (!info) return PassEnd(std::move(walk), *extent);
  const size_t bytes_max = walk->options.bytes_max;
  lane.Read(id, from, bytes_max, [walk = std::move(walk), extent](Result<ReadResult> read) mutable {
    if (!read.ok()) {
      UniqueFunction<void(Result<ChainRead>)> done = std::move(walk->done);
      return done(read.status());
    }
    TakeRead(std::move(walk), *extent, std::move(read).value());
  });
}

}  // namespace

void ReadChain(const ChainSource& source, ShardRef at, Position from,
               const ChainReadOptions& options, UniqueFunction<void(Result<ChainRead>)> done) {
  auto walk = std::make_unique<Walk>(Walk{source, std::move(at), options, std::move(done), {}});
  walk->result.next = from;
  Step(std::move(walk));
}

void ReadChain(Lane& lane, ShardRef at, Position from, size_t bytes_max,
               UniqueFunction<void(Result<ChainRead>)> done) {
  ReadChain(ChainSource{lane}, std::move(at), from, {.bytes_max = bytes_max}, std::move(done));
}

}  // namespace millrace::shard
