#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "dataplane/format/extent.h"

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

// Chunks of one extent that follow one another without a gap and lie in one segment. Their list may
// be out of memory, where the segment's index has it: one span costs what two chunks do.
struct ChunkSpan {
  uint64_t first_index = 0;
  uint64_t end_index = 0;
  WallMs first_arrival_ms = 0;
  WallMs last_arrival_ms = 0;
  uint64_t bytes = 0;  // of payload, counted as live in its segment
  uint32_t segment = 0;
  bool encrypted = false;
  // The group of the segment's index that lists these chunks, maybe among others; no chunks where
  // the segment has no index yet.
  uint32_t group_chunks = 0;
  uint32_t group_crc = 0;
  uint64_t group_offset = 0;
  std::unique_ptr<std::vector<ChunkRef>> chunks;  // none while out of memory

  bool loaded() const { return chunks != nullptr; }
};

// The chunks of one extent in the order of their indexes, which has gaps where records were lost. A
// value of the lane's executor; knows no disk.
class ExtentIndex {
 public:
  // Called for what is no longer referred to: so many bytes of a segment.
  using OnDead = std::function<void(uint32_t segment, uint64_t bytes)>;

  bool empty() const { return spans_.empty(); }
  const std::vector<ChunkSpan>& spans() const { return spans_; }
  uint64_t first_index() const { return spans_.front().first_index; }
  uint64_t end_index() const { return spans_.back().end_index; }

  // `chunk` begins at or after the end of the last one.
  void Append(const ChunkRef& chunk);
  // `chunks`: those of its group, where they are known.
  void AppendSpan(ChunkSpan span, const std::vector<ChunkRef>* chunks = nullptr);
  // The first span that ends after `index`; spans().size() where there is none.
  size_t FindSpan(uint64_t index) const;
  // The first record that arrived at or after `ms`, or, where the list that says so is out of
  // memory, the beginning of its span; end_index() where there is none.
  uint64_t IndexAtTime(WallMs ms) const;
  // Lets chunks that arrived before `horizon_ms` go, oldest first; of a span that is out of memory
  // all or nothing.
  void TrimBefore(WallMs horizon_ms, const OnDead& on_dead);
  void Clear(const OnDead& on_dead);
  // Points the chunk that is `from` to where it was rewritten; false where it is gone, elsewhere or
  // lost.
  bool Move(const ChunkRef& from, uint32_t to_segment, uint32_t to_offset);
  // Marks the chunk as lost, which takes its bytes out of what is live; false where it is gone,
  // elsewhere, or marked already.
  bool MarkLost(const ChunkRef& chunk);

  // The span that begins there lists its chunks or is gone.
  bool IsListed(uint32_t segment, uint64_t first_index) const;
  // The segment's index lists the chunks from `first_index` to `end_index` in this group.
  struct Group {
    uint32_t segment = 0;
    uint64_t first_index = 0;
    uint64_t end_index = 0;
    uint64_t offset = 0;
    uint32_t chunks = 0;
    uint32_t crc = 0;
  };
  void SetGroup(const Group& group);
  // Takes the lists of the spans in this segment that lie in the range out of memory, where its
  // index has them; returns the bytes set free.
  size_t Unload(uint32_t segment, uint64_t first_index, uint64_t end_index);
  // Gives the spans of this group that are out of memory their chunks, where these are all of
  // theirs; returns the bytes taken.
  size_t Load(uint32_t segment, uint64_t group_offset, const std::vector<ChunkRef>& chunks,
              const OnDead& on_dead);
  // Gives every span of this segment that is out of memory its chunks out of all that the segment
  // holds of the extent, in order. Returns the records that are not among them: they are lost.
  uint64_t LoadAll(uint32_t segment, const std::vector<ChunkRef>& chunks, const OnDead& on_dead);

 private:
  struct Place {
    size_t span = 0;
    size_t chunk = 0;
  };
  bool Find(const ChunkRef& chunk, Place* place) const;
  void Isolate(const Place& place);

  std::vector<ChunkSpan> spans_;
};

}  // namespace millrace::storage
