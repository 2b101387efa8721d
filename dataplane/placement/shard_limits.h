#pragma once

#include <atomic>
#include <cstdint>

#include "common/base/clock.h"

namespace millrace::shard {

// A rate with a burst, kept as one number: the moment at which all that was taken will have been
// paid for (the generic cell rate algorithm). Any thread, lock-free.
class RateBucket {
 public:
  // `per_second` units, of which `burst` may be taken at once.
  RateBucket(double per_second, double burst);
  // Takes `units` if the bucket holds them now. More than the whole burst is taken from a full
  // bucket and leaves a debt, so that one large unit passes and the average still holds.
  bool TryTake(double units, MonoTime now);
  // Takes without asking: what was found out too late to refuse.
  void Take(double units, MonoTime now);
  void GiveBack(double units);
  // Something is left to take.
  bool HasAny(MonoTime now) const;

 private:
  int64_t Cost(double units) const { return static_cast<int64_t>(units * nanoseconds_per_unit_); }

  const double nanoseconds_per_unit_;
  const int64_t burst_ns_;
  std::atomic<int64_t> paid_at_ns_{0};
};

// AWS's limits of one shard: 1 MiB and 1,000 records a second in, 2 MiB and 5 calls a second out,
// and a pause of five seconds after a call that was cut at 10 MiB. Asked only where the stream's
// map says enforce_shard_limits; lasts as long as the shard is served. Any thread.
class ShardLimits {
 public:
  ShardLimits();
  // Whether one record of `bytes` (key and data) may be written now; takes it from both rates.
  bool AdmitRecord(uint64_t bytes, MonoTime now);
  // Whether GetRecords may be called now; takes one call.
  bool AdmitRead(MonoTime now);
  // What a call gave, after it gave it.
  void ChargeRead(uint64_t bytes, bool cut_at_most, MonoTime now);

 private:
  RateBucket bytes_in_;
  RateBucket records_in_;
  RateBucket bytes_out_;
  RateBucket calls_out_;
  std::atomic<int64_t> reads_again_at_ns_{0};
};

}  // namespace millrace::shard
