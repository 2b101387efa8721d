#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace millrace::delivery {

// Held by everything that came of one batch of the source. When the last holder lets go, `done` is
// called once, on that holder's thread, with whether the batch may be passed: false as soon as one
// holder has called Fail (it gave its records up undelivered, as at a stop). Any thread.
class Receipt {
 public:
  explicit Receipt(std::function<void(bool delivered)> done) : done_(std::move(done)) {}
  ~Receipt() { done_(!failed_.load(std::memory_order_acquire)); }
  Receipt(const Receipt&) = delete;
  Receipt& operator=(const Receipt&) = delete;

  void Fail() { failed_.store(true, std::memory_order_release); }

 private:
  std::atomic<bool> failed_{false};
  std::function<void(bool)> done_;
};

}  // namespace millrace::delivery
