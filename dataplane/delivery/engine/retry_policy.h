#pragma once

#include <optional>

#include "common/base/clock.h"
#include "common/base/random.h"

namespace millrace::delivery {

inline constexpr Duration kRetryDelayMin = std::chrono::seconds(1);
inline constexpr Duration kRetryDelayMax = std::chrono::seconds(120);

// How long to wait before the next try after `attempts` that failed: 1 s doubled with each, at most
// 120 s, 15 % more or less (Firehose's HTTP endpoint contract); `asked`, where the destination
// named a time, if that is longer, within the same maximum. Pure.
Duration RetryDelay(int attempts, std::optional<Duration> asked, Random& random);

// Whether a delivery that began to fail at `since` is given up at `now`. `retry_time` of nullopt:
// never, as long as the source keeps the records. Pure.
bool IsGivenUp(MonoTime since, MonoTime now, std::optional<Duration> retry_time);

}  // namespace millrace::delivery
