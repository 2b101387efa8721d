#include "dataplane/storage/buffer_pool.h"

#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>

#include "common/base/check.h"
#include "dataplane/storage/disk.h"

namespace millrace::storage {
namespace {

// Coarse sizes, so that a buffer let go fits the next block of about the same size.
constexpr size_t kCoarseStep = 64 * kKiB;

size_t CapacityFor(size_t bytes) {
  if (bytes <= kDiskAlignment) return kDiskAlignment;
  if (bytes <= kCoarseStep) return std::bit_ceil(bytes);
  return (bytes + kCoarseStep - 1) / kCoarseStep * kCoarseStep;
}

}  // namespace

// Outlives the pool for as long as buffers are out.
class BufferPool::Core {
 public:
  explicit Core(size_t idle_bytes_max) : idle_bytes_max_(idle_bytes_max) {}
  ~Core() {
    for (auto& [capacity, data] : idle_) std::free(data);
  }

  BlockBuffer Take(size_t bytes) {
    size_t capacity = CapacityFor(bytes);
    {
      std::lock_guard lock(mu_);
      // Up to twice too large still beats fresh pages.
      auto it = idle_.lower_bound(capacity);
      if (it != idle_.end() && it->first <= 2 * capacity) {
        BlockBuffer found{it->second, it->first};
        idle_bytes_ -= it->first;
        idle_.erase(it);
        return found;
      }
    }
    void* data = std::aligned_alloc(kDiskAlignment, capacity);
    CHECK(data != nullptr);
    return {static_cast<uint8_t*>(data), capacity};
  }

  void Return(BlockBuffer buffer) {
    {
      std::lock_guard lock(mu_);
      if (idle_bytes_ + buffer.capacity <= idle_bytes_max_) {
        idle_.emplace(buffer.capacity, buffer.data);
        idle_bytes_ += buffer.capacity;
        return;
      }
    }
    std::free(buffer.data);
  }

  size_t idle_bytes() const {
    std::lock_guard lock(mu_);
    return idle_bytes_;
  }

 private:
  const size_t idle_bytes_max_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  std::multimap<size_t, uint8_t*> idle_;
  size_t idle_bytes_ = 0;
};

BufferPool::BufferPool(size_t idle_bytes_max) : core_(std::make_shared<Core>(idle_bytes_max)) {}
BufferPool::~BufferPool() = default;

std::shared_ptr<BlockBuffer> BufferPool::Get(size_t bytes) {
  auto* buffer = new BlockBuffer(core_->Take(bytes));
  return {buffer, [core = core_](BlockBuffer* b) {
            core->Return(*b);
            delete b;
          }};
}

size_t BufferPool::idle_bytes() const { return core_->idle_bytes(); }

}  // namespace millrace::storage
