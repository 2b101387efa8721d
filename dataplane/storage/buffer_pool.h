#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/base/bytes.h"

namespace millrace::storage {

// Memory for one block, aligned for O_DIRECT. Shared: the write in flight, the tail cache and every
// reader's slice each hold it; when the last lets go, the memory returns to its pool.
struct BlockBuffer {
  uint8_t* data = nullptr;
  size_t capacity = 0;
};

// Recycles block buffers, since fresh pages cost more than everything else that is done to a block.
// Sizes follow what is asked for, so an idle lane holds next to nothing. Get on one thread; buffers
// may be let go on any thread and may outlive the pool.
class BufferPool {
 public:
  // Keeps at most `idle_bytes_max` of unused memory.
  explicit BufferPool(size_t idle_bytes_max);
  ~BufferPool();
  // Uninitialised memory of at least `bytes`.
  std::shared_ptr<BlockBuffer> Get(size_t bytes);
  size_t idle_bytes() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace millrace::storage
