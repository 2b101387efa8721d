#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "dataplane/format/extent.h"

namespace millrace::storage {

// The newest chunks of every extent, as slices into the blocks they were written from: what live
// readers are served from, without a copy and without the disk. Evicts whole blocks, oldest first.
// Owned by the lane; lives on its executor.
class TailCache {
 public:
  explicit TailCache(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  struct Entry {
    ExtentId extent;
    Chunk chunk;
  };
  // The chunks of one durable block, which holds `bytes` of memory.
  void Add(std::vector<Entry> chunks, uint64_t bytes);
  // Appends chunks from the one that holds `from_index` on, about `bytes_max` of them but at least
  // one; false where the cache does not reach back so far.
  bool Collect(const ExtentId& extent, uint64_t from_index, size_t bytes_max,
               std::vector<Chunk>* chunks) const;
  void Forget(const ExtentId& extent);
  uint64_t bytes() const { return bytes_; }

 private:
  struct Block {
    std::vector<ExtentId> extents;
    uint64_t bytes = 0;
  };
  // A contiguous end of an extent; those before `begin` are evicted.
  struct Tail {
    std::vector<Chunk> chunks;
    size_t begin = 0;
  };
  void EvictOldest();

  const uint64_t bytes_max_;
  uint64_t bytes_ = 0;
  std::deque<Block> blocks_;
  std::unordered_map<ExtentId, Tail, ExtentIdHash> tails_;
};

}  // namespace millrace::storage
