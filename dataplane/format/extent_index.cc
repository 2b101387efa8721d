#include "dataplane/format/extent_index.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace millrace::storage {
namespace {

using Chunks = std::vector<ChunkRef>;

ptrdiff_t At(size_t i) { return static_cast<ptrdiff_t>(i); }

// Sets the span's range from its chunks, of which there is one at least.
void FitToChunks(ChunkSpan& span) {
  span.first_index = span.chunks->front().first_index;
  span.end_index = span.chunks->back().end_index();
  span.first_arrival_ms = span.chunks->front().arrival_ms;
  span.last_arrival_ms = span.chunks->back().arrival_ms;
}

uint64_t LiveBytes(const Chunks& chunks) {
  uint64_t bytes = 0;
  for (const ChunkRef& chunk : chunks) bytes += chunk.lost ? 0 : chunk.bytes;
  return bytes;
}

ChunkSpan SpanOf(Chunks chunks) {
  ChunkSpan span;
  span.segment = chunks.front().segment;
  span.encrypted = chunks.front().encrypted;
  span.bytes = LiveBytes(chunks);
  span.chunks = std::make_unique<Chunks>(std::move(chunks));
  FitToChunks(span);
  return span;
}

// Those of `chunks` that the span is to have.
Chunks Within(const Chunks& chunks, const ChunkSpan& span) {
  Chunks list;
  for (const ChunkRef& chunk : chunks) {
    if (chunk.first_index >= span.first_index && chunk.end_index() <= span.end_index) {
      list.push_back(chunk);
    }
  }
  return list;
}

// Whether `list`, which is within the span, is all of it. What was trimmed of it may count yet.
bool IsWhole(const Chunks& list, const ChunkSpan& span) {
  return !list.empty() && list.front().first_index == span.first_index &&
         list.back().end_index() == span.end_index && LiveBytes(list) <= span.bytes;
}

bool Follows(const ChunkSpan& span, const ChunkRef& chunk) {
  return span.loaded() && span.segment == chunk.segment && span.end_index == chunk.first_index &&
         span.group_chunks == 0;
}

}  // namespace

void ExtentIndex::Append(const ChunkRef& chunk) {
  CHECK(empty() || end_index() <= chunk.first_index);
  if (!empty() && Follows(spans_.back(), chunk)) {
    ChunkSpan& last = spans_.back();
    last.chunks->push_back(chunk);
    last.end_index = chunk.end_index();
    last.last_arrival_ms = chunk.arrival_ms;
    last.bytes += chunk.bytes;
    return;
  }
  spans_.push_back(SpanOf({chunk}));
}

void ExtentIndex::AppendSpan(ChunkSpan span, const Chunks* chunks) {
  CHECK(empty() || end_index() <= span.first_index);
  if (chunks != nullptr) {
    span.chunks = std::make_unique<Chunks>(Within(*chunks, span));
    CHECK(!span.chunks->empty());
    span.bytes = LiveBytes(*span.chunks);
    FitToChunks(span);
  }
  spans_.push_back(std::move(span));
}

size_t ExtentIndex::FindSpan(uint64_t index) const {
  // Readers mostly follow the end.
  if (empty() || end_index() <= index) return spans_.size();
  auto it = std::partition_point(spans_.begin(), spans_.end(),
                                 [&](const ChunkSpan& s) { return s.end_index <= index; });
  return static_cast<size_t>(it - spans_.begin());
}

uint64_t ExtentIndex::IndexAtTime(WallMs ms) const {
  auto span = std::partition_point(spans_.begin(), spans_.end(),
                                   [&](const ChunkSpan& s) { return s.last_arrival_ms < ms; });
  if (span == spans_.end()) return empty() ? 0 : end_index();
  if (!span->loaded()) return span->first_index;
  auto chunk = std::partition_point(span->chunks->begin(), span->chunks->end(),
                                    [&](const ChunkRef& c) { return c.arrival_ms < ms; });
  return chunk->first_index;
}

void ExtentIndex::TrimBefore(WallMs horizon_ms, const OnDead& on_dead) {
  size_t gone = 0;
  while (gone < spans_.size() && spans_[gone].last_arrival_ms < horizon_ms) {
    on_dead(spans_[gone].segment, spans_[gone].bytes);
    ++gone;
  }
  spans_.erase(spans_.begin(), spans_.begin() + At(gone));
  if (empty()) spans_ = std::vector<ChunkSpan>();
  if (empty() || !spans_.front().loaded()) return;
  ChunkSpan& span = spans_.front();
  auto first = std::partition_point(span.chunks->begin(), span.chunks->end(),
                                    [&](const ChunkRef& c) { return c.arrival_ms < horizon_ms; });
  if (first == span.chunks->begin()) return;
  uint64_t before = span.bytes;
  span.chunks->erase(span.chunks->begin(), first);
  FitToChunks(span);
  span.bytes = LiveBytes(*span.chunks);
  on_dead(span.segment, before - span.bytes);
}

void ExtentIndex::Clear(const OnDead& on_dead) {
  for (const ChunkSpan& span : spans_) on_dead(span.segment, span.bytes);
  spans_ = std::vector<ChunkSpan>();
}

bool ExtentIndex::Find(const ChunkRef& chunk, Place* place) const {
  place->span = FindSpan(chunk.first_index);
  if (place->span == spans_.size()) return false;
  const ChunkSpan& span = spans_[place->span];
  if (!span.loaded() || span.segment != chunk.segment) return false;
  auto it = std::partition_point(span.chunks->begin(), span.chunks->end(), [&](const ChunkRef& c) {
    return c.end_index() <= chunk.first_index;
  });
  place->chunk = static_cast<size_t>(it - span.chunks->begin());
  return it->first_index == chunk.first_index && it->offset == chunk.offset;
}

// Splits the span so that the chunk is one of its own.
void ExtentIndex::Isolate(const Place& place) {
  ChunkSpan& span = spans_[place.span];
  Chunks& chunks = *span.chunks;
  std::vector<ChunkSpan> parts;
  auto add = [&](size_t begin, size_t end) {
    if (begin == end) return;
    ChunkSpan part = SpanOf(Chunks(chunks.begin() + At(begin), chunks.begin() + At(end)));
    part.group_chunks = span.group_chunks;
    part.group_crc = span.group_crc;
    part.group_offset = span.group_offset;
    parts.push_back(std::move(part));
  };
  add(0, place.chunk);
  add(place.chunk, place.chunk + 1);
  add(place.chunk + 1, chunks.size());
  if (parts.size() == 1) return;
  auto at = spans_.erase(spans_.begin() + At(place.span));
  spans_.insert(at, std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
}

bool ExtentIndex::Move(const ChunkRef& from, uint32_t to_segment, uint32_t to_offset) {
  Place place;
  if (!Find(from, &place) || (*spans_[place.span].chunks)[place.chunk].lost) return false;
  Isolate(place);
  size_t at = place.span + (place.chunk > 0 ? 1 : 0);
  ChunkRef moved = spans_[at].chunks->front();
  moved.segment = to_segment;
  moved.offset = to_offset;
  if (at > 0 && Follows(spans_[at - 1], moved)) {
    ChunkSpan& previous = spans_[at - 1];
    previous.chunks->push_back(moved);
    FitToChunks(previous);
    previous.bytes += moved.bytes;
    spans_.erase(spans_.begin() + At(at));
  } else {
    spans_[at] = SpanOf({moved});
  }
  return true;
}

bool ExtentIndex::MarkLost(const ChunkRef& lost) {
  Place place;
  if (!Find(lost, &place)) return false;
  ChunkSpan& span = spans_[place.span];
  ChunkRef& chunk = (*span.chunks)[place.chunk];
  if (chunk.lost) return false;
  chunk.lost = true;
  span.bytes -= chunk.bytes;
  return true;
}

void ExtentIndex::SetGroup(const Group& group) {
  for (size_t i = FindSpan(group.first_index); i < spans_.size(); ++i) {
    ChunkSpan& span = spans_[i];
    if (span.first_index >= group.end_index) break;
    if (span.segment != group.segment) continue;
    span.group_offset = group.offset;
    span.group_chunks = group.chunks;
    span.group_crc = group.crc;
  }
}

size_t ExtentIndex::Unload(uint32_t segment, uint64_t first_index, uint64_t end_index) {
  size_t freed = 0;
  for (size_t i = FindSpan(first_index); i < spans_.size(); ++i) {
    ChunkSpan& span = spans_[i];
    if (span.first_index >= end_index) break;
    if (span.segment != segment || !span.loaded() || span.group_chunks == 0) continue;
    // The index on the disk does not know what was lost since.
    bool lost = std::any_of(span.chunks->begin(), span.chunks->end(),
                            [](const ChunkRef& c) { return c.lost; });
    if (lost) continue;
    freed += span.chunks->capacity() * sizeof(ChunkRef);
    span.chunks.reset();
  }
  return freed;
}

bool ExtentIndex::IsListed(uint32_t segment, uint64_t first_index) const {
  const size_t i = FindSpan(first_index);
  return i == spans_.size() || spans_[i].segment != segment || spans_[i].loaded() ||
         spans_[i].first_index != first_index;
}

size_t ExtentIndex::Load(uint32_t segment, uint64_t group_offset, const Chunks& chunks,
                         const OnDead& on_dead) {
  size_t taken = 0;
  for (ChunkSpan& span : spans_) {
    if (span.segment != segment || span.loaded() || span.group_offset != group_offset) continue;
    Chunks list = Within(chunks, span);
    if (!IsWhole(list, span)) continue;
    uint64_t live = LiveBytes(list);
    // What was trimmed of the group before it was out of memory is known by now.
    if (live < span.bytes) on_dead(segment, span.bytes - live);
    span.bytes = live;
    span.chunks = std::make_unique<Chunks>(std::move(list));
    FitToChunks(span);
    taken += span.chunks->capacity() * sizeof(ChunkRef);
  }
  return taken;
}

uint64_t ExtentIndex::LoadAll(uint32_t segment, const Chunks& chunks, const OnDead& on_dead) {
  uint64_t missing = 0;
  std::vector<ChunkSpan> spans;
  for (ChunkSpan& span : spans_) {
    if (span.segment != segment || span.loaded()) {
      spans.push_back(std::move(span));
      continue;
    }
    uint64_t live = 0;
    uint64_t next = span.first_index;
    Chunks run;
    auto end_run = [&] {
      if (run.empty()) return;
      live += LiveBytes(run);
      spans.push_back(SpanOf(std::exchange(run, {})));
    };
    for (const ChunkRef& chunk : Within(chunks, span)) {
      // A copy, or more than the directory spoke of, which nobody has counted as live.
      if (chunk.first_index < next || live + LiveBytes(run) + chunk.bytes > span.bytes) continue;
      if (chunk.first_index != next) end_run();
      missing += chunk.first_index - next;
      next = chunk.end_index();
      run.push_back(chunk);
    }
    end_run();
    missing += span.end_index - next;
    if (live < span.bytes) on_dead(segment, span.bytes - live);
  }
  spans_ = std::move(spans);
  return missing;
}

}  // namespace millrace::storage
