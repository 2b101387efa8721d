#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace millrace::net {

class BufferPool;

// A block of memory to receive into; goes back to its pool with the last reference. The one who
// took it writes to it, anybody may read what was written before it was shared.
class Slab {
 public:
  Slab(std::shared_ptr<BufferPool> pool, uint8_t* data, size_t capacity)
      : pool_(std::move(pool)), data_(data), capacity_(capacity) {}
  ~Slab();
  Slab(const Slab&) = delete;
  uint8_t* data() const { return data_; }
  size_t capacity() const { return capacity_; }

 private:
  std::shared_ptr<BufferPool> pool_;
  uint8_t* const data_;
  const size_t capacity_;
};
using SlabRef = std::shared_ptr<Slab>;

// Receive buffers by size class, reused newest first: a page that was touched before costs nothing,
// a fresh one about 3 us in a virtual machine, so a 700 KB body in fresh memory would cost five
// times its own receiving. What is out is bounded by `bytes_max`; what lies free is bounded too,
// and Trim gives back what was not needed since the last one. Shared by the slabs; any thread.
class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
  static std::shared_ptr<BufferPool> Make(size_t bytes_max);
  explicit BufferPool(size_t bytes_max) : bytes_max_(bytes_max) {}
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;

  // A slab of at least `size` bytes, or null when that would put more than bytes_max out.
  SlabRef Take(size_t size);
  size_t bytes_out() const { return bytes_out_.load(std::memory_order_relaxed); }
  size_t bytes_free() const { return bytes_free_.load(std::memory_order_relaxed); }
  // More than half is out: who is slow should go first.
  bool UnderPressure() const { return bytes_out() > bytes_max_ / 2; }
  // Frees what lay unused since the last call; call it every few seconds.
  void Trim();
  // The capacity Take gives for `size`.
  static size_t ClassSize(size_t size);

 private:
  friend class Slab;
  friend class PoolCharge;
  static constexpr size_t kClassCount = 15;
  struct FreeList {
    std::mutex mu;
    std::vector<uint8_t*> blocks;
    size_t blocks_min = 0;  // fewest that lay here since the last Trim
  };
  bool Charge(size_t bytes);
  void Return(uint8_t* data, size_t capacity);

  const size_t bytes_max_;
  std::atomic<size_t> bytes_out_ = 0;
  std::atomic<size_t> bytes_free_ = 0;
  std::array<FreeList, kClassCount> free_;
};

// Memory that is not a slab but counts as the pool's: text that a client made us keep. A value of
// its keeper; gives back on destruction.
class PoolCharge {
 public:
  explicit PoolCharge(std::shared_ptr<BufferPool> pool) : pool_(std::move(pool)) {}
  ~PoolCharge();
  PoolCharge(const PoolCharge&) = delete;
  // Charges so that `bytes` in all are paid for; false when the pool is out.
  [[nodiscard]] bool Cover(size_t bytes);

 private:
  const std::shared_ptr<BufferPool> pool_;
  size_t charged_ = 0;
};

}  // namespace millrace::net
