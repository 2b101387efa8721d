#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dataplane/storage/extent.h"

namespace millrace::storage {

// Where one chunk lies. `segment` is the low half of the segment's number: 2^32 segments are more
// than a disk writes in its life.
struct ChunkRef {
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;
  uint32_t segment = 0;
  uint32_t offset = 0;  // of the payload, from the start of the segment
  uint32_t bytes = 0;   // of the payload, as it is on disk
  uint32_t count = 0;
  uint32_t crc = 0;
  bool encrypted = false;
  bool lost = false;  // its bytes do not carry their checksum: never served

  uint64_t end_index() const { return first_index + count; }
};

// The chunks of one extent in the order of their indexes, which may have gaps where records were
// lost. A value of the lane's executor; knows no disk.
class ExtentIndex {
 public:
  // Called for each chunk that is no longer referred to.
  using OnDead = std::function<void(const ChunkRef&)>;

  bool empty() const { return begin_ == chunks_.size(); }
  size_t size() const { return chunks_.size() - begin_; }
  const ChunkRef& at(size_t i) const { return chunks_[begin_ + i]; }
  const ChunkRef& front() const { return chunks_[begin_]; }
  const ChunkRef& back() const { return chunks_.back(); }

  // `chunk` begins at or after the end of the last one.
  void Append(const ChunkRef& chunk);
  // The first chunk that ends after `index`; size() where there is none.
  size_t Find(uint64_t index) const;
  // The first chunk that arrived at or after `ms`; size() where there is none.
  size_t FindTime(WallMs ms) const;
  // Lets chunks that arrived before `horizon_ms` go, oldest first.
  void TrimBefore(WallMs horizon_ms, const OnDead& on_dead);
  // Lets chunks that end at or before `index` go.
  void TrimIndex(uint64_t index, const OnDead& on_dead);
  void Clear(const OnDead& on_dead);
  // Points the chunk that is `from` to where it was rewritten; false where it is gone or elsewhere.
  bool Move(const ChunkRef& from, uint32_t to_segment, uint32_t to_offset);
  // Marks the chunk as lost; false where it is gone, elsewhere, or marked already.
  bool MarkLost(const ChunkRef& chunk);
  void CollectSegment(uint32_t segment, std::vector<ChunkRef>* chunks) const;

 private:
  ChunkRef* Same(const ChunkRef& chunk);
  void PopFront();

  // Those before begin_ are gone; erased when they are the half.
  std::vector<ChunkRef> chunks_;
  size_t begin_ = 0;
};

}  // namespace millrace::storage
