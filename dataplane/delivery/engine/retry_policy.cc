#include "dataplane/delivery/engine/retry_policy.h"

#include <algorithm>

namespace millrace::delivery {

namespace {

constexpr uint64_t kJitterPercent = 15;

}  // namespace

Duration RetryDelay(int attempts, std::optional<Duration> asked, Random& random) {
  Duration delay = kRetryDelayMin;
  for (int i = 1; i < attempts && delay < kRetryDelayMax; ++i) delay *= 2;
  if (asked) delay = std::max(delay, *asked);
  delay = std::min(delay, kRetryDelayMax);
  const auto percent =
      static_cast<int64_t>(100 - kJitterPercent + random.Below(2 * kJitterPercent + 1));
  return delay / 100 * percent;
}

bool IsGivenUp(MonoTime since, MonoTime now, std::optional<Duration> retry_time) {
  return retry_time && now - since >= *retry_time;
}

}  // namespace millrace::delivery
