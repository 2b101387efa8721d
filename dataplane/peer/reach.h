#pragma once

#include <atomic>

#include "common/async/executor.h"
#include "common/base/clock.h"

namespace millrace::peer {

// How long a write waits for a pod that is catching up; one that is cut off refuses it then.
inline constexpr Duration kCatchUpWaitMax = std::chrono::milliseconds(500);

struct ReachLimits {
  Duration silence_max = std::chrono::seconds(3);
  // Less than others wait for a seal before they serve what this pod had (kSealElsewhereMax).
  Duration standstill_max = std::chrono::milliseconds(300);
};

// Whether this process hears of newer maps: from its map source, or from any other pod. One that
// has heard of neither for `silence_max` (it was cut off) may have lost its write heads to others
// without knowing, and one that stood still (SIGSTOP, a frozen machine) has perhaps: what lies in
// its sockets when it goes on was sent when others may have served already. It takes no writes from
// then on until it has caught up: has applied what the source has, or has compared all its maps
// with another pod's. So it begins, too. A pod that knows of no others always may. Made in main;
// any thread.
class Reach {
 public:
  explicit Reach(const Clock& clock, ReachLimits limits = {}) : clock_(clock), limits_(limits) {}

  // Another pod answered or asked: it would have told of newer maps.
  void NoteHeard();
  // What there was to know at `when` is known and applied.
  void NoteCaughtUp(MonoTime when);
  // Often, by one executor's timer: this process runs. How long it had stood still, if it had.
  Duration NoteAwake();
  void SetOthersKnown(bool known) { others_known_.store(known); }

  // Nothing may be acknowledged, whenever it was taken.
  bool silent() const { return others_known_.load() && SilentAt(clock_.Now()); }
  // Nothing may be taken: silent, or not caught up since it stood still.
  bool isolated() const { return others_known_.load() && IsolatedAt(clock_.Now()); }
  // Calls `fn` on `executor`, where this is called, once it is not isolated, with true, or after
  // `wait_max` with false; at once where it is not. It must outlive the executor's timers.
  void WhenReached(Executor& executor, Duration wait_max, UniqueFunction<void(bool)> fn) const;

  const Clock& clock() const { return clock_; }

 private:
  bool SilentAt(MonoTime now) const;
  bool IsolatedAt(MonoTime now) const;

  const Clock& clock_;
  const ReachLimits limits_;
  std::atomic<int64_t> heard_at_ns_{0};  // 0: never
  std::atomic<int64_t> awake_at_ns_{0};  // as last noted; 0: nobody notes it
  std::atomic<int64_t> awoke_at_ns_{0};  // when it had stood still last
  std::atomic<bool> others_known_{false};
};

}  // namespace millrace::peer
