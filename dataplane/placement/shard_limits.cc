#include "dataplane/placement/shard_limits.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace millrace::shard {
namespace {

constexpr double kNanosecondsPerSecond = 1e9;
constexpr double kBytesInPerSecond = kMiB;
constexpr double kRecordsInPerSecond = 1000;
constexpr double kBytesOutPerSecond = 2 * kMiB;
constexpr double kCallsOutPerSecond = 5;
constexpr MonoTime kPauseAfterLargestRead = std::chrono::seconds(5);

}  // namespace

RateBucket::RateBucket(double per_second, double burst)
    : nanoseconds_per_unit_(kNanosecondsPerSecond / per_second),
      burst_ns_(static_cast<int64_t>(burst * kNanosecondsPerSecond / per_second)) {
  CHECK(per_second > 0 && burst > 0);
}

bool RateBucket::TryTake(double units, MonoTime now) {
  const int64_t cost = Cost(units);
  int64_t paid_at = paid_at_ns_.load(std::memory_order_relaxed);
  while (true) {
    const int64_t from = std::max<int64_t>(paid_at, now.count());
    if (from - now.count() + cost > std::max(burst_ns_, cost)) return false;
    if (paid_at_ns_.compare_exchange_weak(paid_at, from + cost, std::memory_order_relaxed))
      return true;
  }
}

void RateBucket::Take(double units, MonoTime now) {
  const int64_t cost = Cost(units);
  int64_t paid_at = paid_at_ns_.load(std::memory_order_relaxed);
  while (!paid_at_ns_.compare_exchange_weak(paid_at, std::max<int64_t>(paid_at, now.count()) + cost,
                                            std::memory_order_relaxed)) {
  }
}

void RateBucket::GiveBack(double units) {
  paid_at_ns_.fetch_sub(Cost(units), std::memory_order_relaxed);
}

bool RateBucket::HasAny(MonoTime now) const {
  return paid_at_ns_.load(std::memory_order_relaxed) - now.count() < burst_ns_;
}

ShardLimits::ShardLimits()
    : bytes_in_(kBytesInPerSecond, kBytesInPerSecond),
      records_in_(kRecordsInPerSecond, kRecordsInPerSecond),
      bytes_out_(kBytesOutPerSecond, kBytesOutPerSecond),
      calls_out_(kCallsOutPerSecond, kCallsOutPerSecond) {}

bool ShardLimits::AdmitRecord(uint64_t bytes, MonoTime now) {
  if (!records_in_.TryTake(1, now)) return false;
  if (bytes_in_.TryTake(static_cast<double>(bytes), now)) return true;
  records_in_.GiveBack(1);
  return false;
}

bool ShardLimits::AdmitRead(MonoTime now) {
  if (now.count() < reads_again_at_ns_.load(std::memory_order_relaxed)) return false;
  return bytes_out_.HasAny(now) && calls_out_.TryTake(1, now);
}

void ShardLimits::ChargeRead(uint64_t bytes, bool cut_at_most, MonoTime now) {
  bytes_out_.Take(static_cast<double>(bytes), now);
  if (cut_at_most) {
    reads_again_at_ns_.store((now + kPauseAfterLargestRead).count(), std::memory_order_relaxed);
  }
}

}  // namespace millrace::shard
