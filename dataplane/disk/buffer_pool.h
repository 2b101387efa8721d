#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/bytes.h"

namespace millrace::storage {

// Room before the records in a buffer that may become a block of the log as it is.
constexpr size_t kBlockHeadroom = 4096;

// Memory for one block, aligned for O_DIRECT. Shared: the write in flight, the tail cache and every
// reader's slice each hold it; when the last lets go, the memory returns to its pool.
struct BlockBuffer {
  uint8_t* data = nullptr;
  size_t capacity = 0;
  void* slab = nullptr;  // the pool's
};

// Recycles block buffers, since fresh pages cost more than everything else that is done to a block.
// Large ones are cut out of huge pages, which the kernel hands to the disk in a few pieces instead
// of one a page. Sizes follow what is asked for, so an idle process holds next to nothing. Any
// thread; buffers may outlive the pool.
class BufferPool {
 public:
  // Keeps about `idle_bytes_max` of unused memory at most.
  explicit BufferPool(size_t idle_bytes_max);
  ~BufferPool();
  // The one that decoders and lanes share, so that buffers pass between them.
  static BufferPool& Shared();

  // Uninitialised memory of at least `bytes`.
  std::shared_ptr<BlockBuffer> Get(size_t bytes);
  size_t idle_bytes() const;

  // The buffer that a slice lies in; none where it came from elsewhere.
  static std::shared_ptr<BlockBuffer> Of(const Slice& slice);

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace millrace::storage
