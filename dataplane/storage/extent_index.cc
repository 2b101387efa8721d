#include "dataplane/storage/extent_index.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::storage {

void ExtentIndex::Append(const ChunkRef& chunk) {
  CHECK(empty() || back().end_index() <= chunk.first_index);
  DCHECK(empty() || back().arrival_ms <= chunk.arrival_ms);
  chunks_.push_back(chunk);
}

size_t ExtentIndex::Find(uint64_t index) const {
  // Readers mostly follow the end.
  if (empty() || back().end_index() <= index) return size();
  auto first = chunks_.begin() + static_cast<ptrdiff_t>(begin_);
  auto it = std::partition_point(first, chunks_.end(),
                                 [&](const ChunkRef& c) { return c.end_index() <= index; });
  return static_cast<size_t>(it - first);
}

size_t ExtentIndex::FindTime(WallMs ms) const {
  auto first = chunks_.begin() + static_cast<ptrdiff_t>(begin_);
  auto it = std::partition_point(first, chunks_.end(),
                                 [&](const ChunkRef& c) { return c.arrival_ms < ms; });
  return static_cast<size_t>(it - first);
}

void ExtentIndex::PopFront() {
  ++begin_;
  if (begin_ == chunks_.size()) {
    chunks_.clear();
    chunks_.shrink_to_fit();
    begin_ = 0;
  } else if (begin_ >= 32 && begin_ * 2 > chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(begin_));
    begin_ = 0;
  }
}

void ExtentIndex::TrimBefore(WallMs horizon_ms, const OnDead& on_dead) {
  while (!empty() && front().arrival_ms < horizon_ms) {
    on_dead(front());
    PopFront();
  }
}

void ExtentIndex::TrimIndex(uint64_t index, const OnDead& on_dead) {
  while (!empty() && front().end_index() <= index) {
    on_dead(front());
    PopFront();
  }
}

void ExtentIndex::Clear(const OnDead& on_dead) {
  for (size_t i = 0; i < size(); ++i) on_dead(at(i));
  chunks_ = {};
  begin_ = 0;
}

ChunkRef* ExtentIndex::Same(const ChunkRef& chunk) {
  size_t i = Find(chunk.first_index);
  if (i == size()) return nullptr;
  ChunkRef& found = chunks_[begin_ + i];
  bool same = found.first_index == chunk.first_index && found.segment == chunk.segment &&
              found.offset == chunk.offset;
  return same ? &found : nullptr;
}

bool ExtentIndex::Move(const ChunkRef& from, uint32_t to_segment, uint32_t to_offset) {
  ChunkRef* chunk = Same(from);
  if (chunk == nullptr) return false;
  chunk->segment = to_segment;
  chunk->offset = to_offset;
  return true;
}

bool ExtentIndex::MarkLost(const ChunkRef& lost) {
  ChunkRef* chunk = Same(lost);
  if (chunk == nullptr || chunk->lost) return false;
  chunk->lost = true;
  return true;
}

void ExtentIndex::CollectSegment(uint32_t segment, std::vector<ChunkRef>* chunks) const {
  for (size_t i = 0; i < size(); ++i) {
    if (at(i).segment == segment) chunks->push_back(at(i));
  }
}

}  // namespace millrace::storage
