#include "dataplane/peer/reach.h"

#include <utility>

namespace millrace::peer {

namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(10);

}  // namespace

void Reach::NoteHeard() {
  const MonoTime now = clock_.Now();
  if (!IsolatedAt(now)) heard_at_ns_.store(now.count());
}

void Reach::NoteCaughtUp(MonoTime when) {
  int64_t heard = heard_at_ns_.load();
  while (when.count() > heard && !heard_at_ns_.compare_exchange_weak(heard, when.count())) {
  }
}

Duration Reach::NoteAwake() {
  const MonoTime now = clock_.Now();
  const int64_t before = awake_at_ns_.load();
  const Duration still{before == 0 ? 0 : now.count() - before};
  const bool stood_still = still > limits_.standstill_max;
  // In this order: whoever sees that it is awake sees since when.
  if (stood_still) awoke_at_ns_.store(now.count());
  awake_at_ns_.store(now.count());
  return stood_still ? still : Duration(0);
}

void Reach::WhenReached(Executor& executor, Duration wait_max,
                        UniqueFunction<void(bool)> fn) const {
  if (!isolated()) return fn(true);
  if (wait_max <= Duration(0)) return fn(false);
  executor.RunAfter(kLookAgain, [this, &executor, wait_max, fn = std::move(fn)]() mutable {
    WhenReached(executor, wait_max - kLookAgain, std::move(fn));
  });
}

bool Reach::SilentAt(MonoTime now) const {
  const int64_t heard = heard_at_ns_.load();
  return heard == 0 || now.count() - heard > limits_.silence_max.count();
}

bool Reach::IsolatedAt(MonoTime now) const {
  if (SilentAt(now)) return true;
  const int64_t awake = awake_at_ns_.load();
  if (awake != 0 && now.count() - awake > limits_.standstill_max.count()) return true;
  return heard_at_ns_.load() < awoke_at_ns_.load();
}

}  // namespace millrace::peer
