#pragma once

#include <atomic>

#include "common/base/clock.h"

namespace millrace::peer {

// Whether this process hears of newer maps: from its map source, or from any other pod. One that
// has heard of neither for `silence_max` (it was cut off, or stood still) may have lost its write
// heads to others without knowing. It acknowledges nothing from then on until it has caught up: has
// applied what the source has, or has compared all its maps with another pod's. So it begins, too.
// A pod that knows of no others always may. Made in main; any thread.
class Reach {
 public:
  Reach(const Clock& clock, Duration silence_max) : clock_(clock), silence_max_(silence_max) {}

  // Another pod answered or asked: it would have told of newer maps.
  void NoteHeard() {
    const MonoTime now = clock_.Now();
    if (!SilentAt(now)) heard_at_ns_.store(now.count(), std::memory_order_relaxed);
  }
  // What there was to know at `when` is known and applied.
  void NoteCaughtUp(MonoTime when) {
    int64_t heard = heard_at_ns_.load(std::memory_order_relaxed);
    while (when.count() > heard &&
           !heard_at_ns_.compare_exchange_weak(heard, when.count(), std::memory_order_relaxed)) {
    }
  }
  void SetOthersKnown(bool known) { others_known_.store(known, std::memory_order_relaxed); }

  bool isolated() const {
    return others_known_.load(std::memory_order_relaxed) && SilentAt(clock_.Now());
  }
  const Clock& clock() const { return clock_; }

 private:
  bool SilentAt(MonoTime now) const {
    const int64_t heard = heard_at_ns_.load(std::memory_order_relaxed);
    return heard == 0 || now.count() - heard > silence_max_.count();
  }

  const Clock& clock_;
  const Duration silence_max_;
  std::atomic<int64_t> heard_at_ns_{0};  // 0: never
  std::atomic<bool> others_known_{false};
};

}  // namespace millrace::peer
