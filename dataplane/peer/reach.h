#pragma once

#include <atomic>

#include "common/base/clock.h"

namespace millrace::peer {

// Whether this process hears of newer maps: from its map source, or from any other pod. One that
// has heard of neither for `silence_max` may have lost its write heads to others without knowing,
// and stops acknowledging; a pod that knows of no others never does. Made in main; any thread.
class Reach {
 public:
  Reach(const Clock& clock, Duration silence_max)
      : clock_(clock), silence_max_(silence_max), heard_at_ns_(clock.Now().count()) {}

  // The source answered, or another pod answered or asked.
  void NoteHeard() { heard_at_ns_.store(clock_.Now().count(), std::memory_order_relaxed); }
  // Looks at the clock; every so often. True when the verdict changed.
  bool Judge(bool others_known) {
    const Duration silent = clock_.Now() - Duration(heard_at_ns_.load(std::memory_order_relaxed));
    const bool isolated = others_known && silent > silence_max_;
    return isolated_.exchange(isolated, std::memory_order_relaxed) != isolated;
  }
  // As last judged: costs a load.
  bool isolated() const { return isolated_.load(std::memory_order_relaxed); }

 private:
  const Clock& clock_;
  const Duration silence_max_;
  std::atomic<int64_t> heard_at_ns_;
  std::atomic<bool> isolated_{false};
};

}  // namespace millrace::peer
