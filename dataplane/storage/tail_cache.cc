#include "dataplane/storage/tail_cache.h"

#include <algorithm>

namespace millrace::storage {

void TailCache::Add(std::vector<Entry> chunks, uint64_t bytes) {
  if (chunks.empty()) return;
  Block block;
  block.bytes = bytes;
  block.extents.reserve(chunks.size());
  for (Entry& entry : chunks) {
    block.extents.push_back(entry.extent);
    tails_[entry.extent].chunks.push_back(std::move(entry.chunk));
  }
  bytes_ += bytes;
  blocks_.push_back(std::move(block));
  while (bytes_ > bytes_max_ && !blocks_.empty()) EvictOldest();
}

void TailCache::EvictOldest() {
  Block& block = blocks_.front();
  for (const ExtentId& extent : block.extents) {
    auto it = tails_.find(extent);
    if (it == tails_.end()) continue;
    Tail& tail = it->second;
    tail.chunks[tail.begin++] = Chunk();
    if (tail.begin == tail.chunks.size()) {
      tails_.erase(it);
    } else if (tail.begin >= 32 && tail.begin * 2 > tail.chunks.size()) {
      tail.chunks.erase(tail.chunks.begin(),
                        tail.chunks.begin() + static_cast<ptrdiff_t>(tail.begin));
      tail.begin = 0;
    }
  }
  bytes_ -= block.bytes;
  blocks_.pop_front();
}

bool TailCache::Collect(const ExtentId& extent, uint64_t from_index, size_t bytes_max,
                        std::vector<Chunk>* chunks) const {
  auto it = tails_.find(extent);
  if (it == tails_.end()) return false;
  const Tail& tail = it->second;
  auto first = tail.chunks.begin() + static_cast<ptrdiff_t>(tail.begin);
  if (first == tail.chunks.end() || from_index < first->first_index) return false;
  auto at = std::partition_point(first, tail.chunks.end(), [&](const Chunk& c) {
    return c.first_index + c.count <= from_index;
  });
  size_t bytes = 0;
  for (; at != tail.chunks.end(); ++at) {
    if (bytes > 0 && bytes + at->records.size() > bytes_max) break;
    bytes += at->records.size();
    chunks->push_back(*at);
  }
  return true;
}

void TailCache::Forget(const ExtentId& extent) { tails_.erase(extent); }

}  // namespace millrace::storage
