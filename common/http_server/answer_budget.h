#pragma once

#include <atomic>
#include <cstddef>

#include "common/base/bytes.h"

namespace millrace::net {

// Bytes of answers that the connections of one server hold because their clients have not taken
// them yet, with a bound on all of them together. Shared; any thread.
class AnswerBudget {
 public:
  // A connection may hold this much whatever the others do: what a put is told, and errors.
  static constexpr size_t kAlwaysFits = 64 * kKiB;
  explicit AnswerBudget(size_t bytes_max) : bytes_max_(bytes_max) {}
  AnswerBudget(const AnswerBudget&) = delete;

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Whether `size` more bytes may be queued for a client that `held` wait for already.
  bool HasRoomFor(size_t size, size_t held = 0) const {
    return held + size <= kAlwaysFits || bytes() + size <= bytes_max_;
  }
  // More than half is taken: who reads slowly should go first.
  bool UnderPressure() const { return bytes() > bytes_max_ / 2; }

 private:
  friend class AnswerCharge;
  const size_t bytes_max_;
  std::atomic<size_t> bytes_ = 0;
};

// What one queue of answers takes of the budget; gives back on destruction. A value of the queue's
// owner, on its executor.
class AnswerCharge {
 public:
  explicit AnswerCharge(AnswerBudget& budget) : budget_(budget) {}
  ~AnswerCharge() { Set(0); }
  AnswerCharge(const AnswerCharge&) = delete;
  // The queue holds `bytes` now.
  void Set(size_t bytes) {
    if (bytes == charged_) return;
    budget_.bytes_.fetch_add(bytes - charged_, std::memory_order_relaxed);  // wraps, on purpose
    charged_ = bytes;
  }

 private:
  AnswerBudget& budget_;
  size_t charged_ = 0;
};

}  // namespace millrace::net
