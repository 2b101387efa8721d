#include "common/net/body_clock.h"

#include <algorithm>

namespace millrace::net {
namespace {

// Half the pool can be held by the slow for this long at most.
constexpr double kSecondsUnderPressure = 16;

}  // namespace

bool BodyClock::IsTooSlow(MonoTime now, size_t received, size_t memory,
                          const ServerContext& context) {
  const HttpServerLimits& limits = context.options.limits;
  if (now - since_ < limits.body_grace) return false;
  double rate = static_cast<double>(limits.body_bytes_per_second_min);
  if (context.pool->UnderPressure()) {
    rate = std::max(rate, static_cast<double>(memory) / kSecondsUnderPressure);
  }
  const double seconds = std::chrono::duration<double>(now - since_).count();
  const bool slow = static_cast<double>(received - received_) < rate * seconds;
  since_ = now;
  received_ = received;
  return slow;
}

}  // namespace millrace::net
