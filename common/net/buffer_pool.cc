#include "common/net/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace millrace::net {
namespace {

// Steps of two and, from 512 KiB on, of one and a half: a body of 717 KB is the common large one.
constexpr std::array<size_t, 15> kClassSizes = {
    4 * kKiB, 16 * kKiB,   32 * kKiB, 64 * kKiB, 128 * kKiB, 256 * kKiB, 512 * kKiB, 768 * kKiB,
    kMiB,     1536 * kKiB, 2 * kMiB,  4 * kMiB,  8 * kMiB,   16 * kMiB,  32 * kMiB};
constexpr size_t kFreeBytesMax = 256 * kMiB;
constexpr size_t kPage = 4096;
// From here on straight from the kernel, so that giving it back really gives it back.
constexpr size_t kMapBytesMin = 128 * kKiB;

size_t ClassIndex(size_t size) {
  return static_cast<size_t>(std::lower_bound(kClassSizes.begin(), kClassSizes.end(), size) -
                             kClassSizes.begin());
}

uint8_t* Allocate(size_t size) {
  if (size < kMapBytesMin) return static_cast<uint8_t*>(::operator new(size));
  void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return data == MAP_FAILED ? nullptr : static_cast<uint8_t*>(data);
}

void Free(uint8_t* data, size_t size) {
  if (size < kMapBytesMin) {
    ::operator delete(data);
  } else {
    CHECK(::munmap(data, size) == 0);
  }
}

}  // namespace

Slab::~Slab() { pool_->Return(data_, capacity_); }

std::shared_ptr<BufferPool> BufferPool::Make(size_t bytes_max) {
  return std::make_shared<BufferPool>(bytes_max);
}

BufferPool::~BufferPool() {
  for (size_t i = 0; i < kClassCount; ++i) {
    for (uint8_t* block : free_[i].blocks) Free(block, kClassSizes[i]);
  }
}

size_t BufferPool::ClassSize(size_t size) {
  size_t index = ClassIndex(size);
  return index < kClassCount ? kClassSizes[index] : (size + kPage - 1) / kPage * kPage;
}

bool BufferPool::Charge(size_t bytes) {
  if (bytes_out_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bytes_max_) return true;
  bytes_out_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

PoolCharge::~PoolCharge() { pool_->bytes_out_.fetch_sub(charged_, std::memory_order_relaxed); }

bool PoolCharge::Cover(size_t bytes) {
  if (bytes <= charged_) return true;
  const size_t more = (bytes - charged_ + kPage - 1) / kPage * kPage;
  if (!pool_->Charge(more)) return false;
  charged_ += more;
  return true;
}

SlabRef BufferPool::Take(size_t size) {
  const size_t capacity = ClassSize(size);
  if (capacity < size) return nullptr;  // wrapped around
  if (!Charge(capacity)) return nullptr;
  uint8_t* data = nullptr;
  if (size_t index = ClassIndex(size); index < kClassCount) {
    FreeList& list = free_[index];
    std::lock_guard lock(list.mu);
    if (!list.blocks.empty()) {
      data = list.blocks.back();
      list.blocks.pop_back();
      list.blocks_min = std::min(list.blocks_min, list.blocks.size());
      bytes_free_.fetch_sub(capacity, std::memory_order_relaxed);
    }
  }
  if (data == nullptr) data = Allocate(capacity);
  if (data == nullptr) {
    bytes_out_.fetch_sub(capacity, std::memory_order_relaxed);
    return nullptr;
  }
  return std::make_shared<Slab>(shared_from_this(), data, capacity);
}

void BufferPool::Return(uint8_t* data, size_t capacity) {
  bytes_out_.fetch_sub(capacity, std::memory_order_relaxed);
  size_t index = ClassIndex(capacity);
  if (index < kClassCount && bytes_free() + capacity <= kFreeBytesMax) {
    FreeList& list = free_[index];
    std::lock_guard lock(list.mu);
    list.blocks.push_back(data);
    bytes_free_.fetch_add(capacity, std::memory_order_relaxed);
    return;
  }
  Free(data, capacity);
}

void BufferPool::Trim() {
  for (size_t i = 0; i < kClassCount; ++i) {
    FreeList& list = free_[i];
    std::vector<uint8_t*> unused;
    {
      std::lock_guard lock(list.mu);
      // The oldest lie in front.
      auto end = list.blocks.begin() + static_cast<ptrdiff_t>(list.blocks_min);
      unused.assign(list.blocks.begin(), end);
      list.blocks.erase(list.blocks.begin(), end);
      list.blocks_min = list.blocks.size();
    }
    bytes_free_.fetch_sub(unused.size() * kClassSizes[i], std::memory_order_relaxed);
    for (uint8_t* block : unused) Free(block, kClassSizes[i]);
  }
}

}  // namespace millrace::net
