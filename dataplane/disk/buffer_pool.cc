#include "dataplane/disk/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <mutex>
#include <vector>

#include "common/base/check.h"
#include "dataplane/disk/disk.h"
#include "dataplane/disk/huge_memory.h"

namespace millrace::storage {
namespace {

// Buffers of more than kSmallMax are cut out of slabs, as many of one size as go into it.
constexpr size_t kSlabBytes = 2 * kHugePage;
constexpr size_t kSmallMax = 64 * kKiB;
constexpr size_t kPerSlab[] = {32, 24, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1};
constexpr size_t kSharedIdleBytes = 32 * kMiB;

size_t CapacityFor(size_t bytes) {
  if (bytes <= kDiskAlignment) return kDiskAlignment;
  if (bytes <= kSmallMax) return std::bit_ceil(bytes);
  for (size_t count : kPerSlab) {
    size_t capacity = kSlabBytes / count / kDiskAlignment * kDiskAlignment;
    if (bytes <= capacity) return capacity;
  }
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

struct Slab {
  uint8_t* data = nullptr;
  size_t bytes = 0;
  size_t capacity = 0;  // of each of its buffers
  size_t buffers = 0;
  size_t idle = 0;
};

}  // namespace

// Outlives the pool for as long as buffers are out.
class BufferPool::Core {
 public:
  explicit Core(size_t idle_bytes_max) : idle_bytes_max_(idle_bytes_max) {}
  ~Core() {
    for (auto& [capacity, buffers] : idle_) {
      for (BlockBuffer& buffer : buffers) {
        if (buffer.slab == nullptr) std::free(buffer.data);
      }
    }
    for (auto& slab : slabs_) munmap(slab->data, slab->bytes);
  }

  BlockBuffer Take(size_t bytes) {
    size_t capacity = CapacityFor(bytes);
    std::lock_guard lock(mu_);
    // Up to half as large again still beats fresh pages.
    auto it = idle_.lower_bound(capacity);
    if (it == idle_.end() || it->first > capacity + capacity / 2) {
      it = capacity <= kSmallMax ? AddSmall(capacity) : AddSlab(capacity);
    }
    BlockBuffer buffer = it->second.back();
    it->second.pop_back();
    if (it->second.empty()) idle_.erase(it);
    idle_bytes_ -= buffer.capacity;
    if (buffer.slab != nullptr) --static_cast<Slab*>(buffer.slab)->idle;
    return buffer;
  }

  void Return(const BlockBuffer& buffer) {
    std::lock_guard lock(mu_);
    auto* slab = static_cast<Slab*>(buffer.slab);
    bool too_much = idle_bytes_ + buffer.capacity > idle_bytes_max_;
    if (slab == nullptr && too_much) {
      std::free(buffer.data);
      return;
    }
    idle_[buffer.capacity].push_back(buffer);
    idle_bytes_ += buffer.capacity;
    if (slab == nullptr) return;
    ++slab->idle;
    if (too_much && slab->idle == slab->buffers) RemoveSlab(slab);
  }

  size_t idle_bytes() const {
    std::lock_guard lock(mu_);
    return idle_bytes_;
  }

 private:
  using Idle = std::map<size_t, std::vector<BlockBuffer>>;

  Idle::iterator AddSmall(size_t capacity) {
    auto* data = static_cast<uint8_t*>(std::aligned_alloc(kDiskAlignment, capacity));
    CHECK(data != nullptr);
    auto it = idle_.try_emplace(capacity).first;
    it->second.push_back({data, capacity, nullptr});
    idle_bytes_ += capacity;
    return it;
  }

  Idle::iterator AddSlab(size_t capacity) {
    auto slab = std::make_unique<Slab>();
    slab->bytes = std::max(kSlabBytes, capacity);
    slab->capacity = capacity;
    slab->buffers = slab->idle = slab->bytes / capacity;
    slab->data = MapHuge(slab->bytes);
    auto it = idle_.try_emplace(capacity).first;
    for (size_t i = slab->buffers; i-- > 0;) {
      it->second.push_back({slab->data + i * capacity, capacity, slab.get()});
    }
    idle_bytes_ += slab->buffers * capacity;
    slabs_.push_back(std::move(slab));
    return it;
  }

  void RemoveSlab(Slab* slab) {
    auto it = idle_.find(slab->capacity);
    std::erase_if(it->second, [&](const BlockBuffer& b) { return b.slab == slab; });
    if (it->second.empty()) idle_.erase(it);
    idle_bytes_ -= slab->buffers * slab->capacity;
    munmap(slab->data, slab->bytes);
    std::erase_if(slabs_, [&](const auto& s) { return s.get() == slab; });
  }

  const size_t idle_bytes_max_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  Idle idle_;  // by capacity; no entry is empty
  std::vector<std::unique_ptr<Slab>> slabs_;
  size_t idle_bytes_ = 0;
};

namespace {

// Named, so that Of can tell a buffer of a pool from any other owner.
template <typename Core>
struct ReturnToPool {
  std::shared_ptr<Core> core;
  void operator()(BlockBuffer* buffer) const {
    core->Return(*buffer);
    delete buffer;
  }
};

}  // namespace

BufferPool::BufferPool(size_t idle_bytes_max) : core_(std::make_shared<Core>(idle_bytes_max)) {}
BufferPool::~BufferPool() = default;

BufferPool& BufferPool::Shared() {
  // Never destroyed: buffers may come back while the process ends.
  static auto& pool = *new BufferPool(kSharedIdleBytes);
  return pool;
}

std::shared_ptr<BlockBuffer> BufferPool::Get(size_t bytes) {
  return {new BlockBuffer(core_->Take(bytes)), ReturnToPool<Core>{core_}};
}

std::shared_ptr<BlockBuffer> BufferPool::Of(const Slice& slice) {
  if (std::get_deleter<ReturnToPool<Core>>(slice.owner()) == nullptr) return nullptr;
  // The owner of a pool's buffer is the buffer, whatever the slice points at.
  auto* buffer = const_cast<void*>(slice.owner().get());
  return {std::const_pointer_cast<void>(slice.owner()), static_cast<BlockBuffer*>(buffer)};
}

size_t BufferPool::idle_bytes() const { return core_->idle_bytes(); }

}  // namespace millrace::storage
