#include "dataplane/placement/shard_limits.h"

#include <gtest/gtest.h>

#include "common/base/bytes.h"

namespace millrace::shard {
namespace {

constexpr MonoTime Seconds(double s) { return MonoTime(static_cast<int64_t>(s * 1e9)); }
constexpr MonoTime kStart = Seconds(1000);

TEST(ShardLimits, AThousandRecordsPassAndTheNextWaits) {
  ShardLimits limits;
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(limits.AdmitRecord(1, kStart)) << i;
  EXPECT_FALSE(limits.AdmitRecord(1, kStart));
  EXPECT_TRUE(limits.AdmitRecord(1, kStart + Seconds(0.0011)));
}

TEST(ShardLimits, AcceptedBytesStayWithinTheRateAndOneBurst) {
  ShardLimits limits;
  uint64_t accepted = 0;
  for (int ms = 0; ms < 10'000; ms += 5) {
    if (limits.AdmitRecord(20'000, kStart + Seconds(ms / 1000.0))) accepted += 20'000;
  }
  EXPECT_LE(accepted, 11 * kMiB);
  EXPECT_GE(accepted, 10 * kMiB - 40'000);
}

TEST(ShardLimits, ARefusedRecordCostsNothing) {
  ShardLimits limits;
  ASSERT_TRUE(limits.AdmitRecord(kMiB - 10, kStart));
  for (int i = 0; i < 5000; ++i) ASSERT_FALSE(limits.AdmitRecord(1000, kStart));
  EXPECT_TRUE(limits.AdmitRecord(5, kStart));
}

TEST(ShardLimits, ALargeRecordPassesAFullBucketAndIsPaidForAfterwards) {
  ShardLimits limits;
  ASSERT_TRUE(limits.AdmitRecord(5 * kMiB, kStart));
  EXPECT_FALSE(limits.AdmitRecord(1, kStart + Seconds(3.9)));
  EXPECT_TRUE(limits.AdmitRecord(1, kStart + Seconds(4.1)));
}

TEST(ShardLimits, FiveReadsASecond) {
  ShardLimits limits;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(limits.AdmitRead(kStart));
  EXPECT_FALSE(limits.AdmitRead(kStart));
  EXPECT_TRUE(limits.AdmitRead(kStart + Seconds(0.21)));
}

TEST(ShardLimits, TwoMebibytesASecondOut) {
  ShardLimits limits;
  ASSERT_TRUE(limits.AdmitRead(kStart));
  limits.ChargeRead(4 * kMiB, false, kStart);
  EXPECT_FALSE(limits.AdmitRead(kStart + Seconds(0.9)));
  EXPECT_TRUE(limits.AdmitRead(kStart + Seconds(1.1)));
}

TEST(ShardLimits, FiveSecondsOfPauseAfterTheLargestRead) {
  ShardLimits limits;
  ASSERT_TRUE(limits.AdmitRead(kStart));
  limits.ChargeRead(10 * kMiB, true, kStart);
  EXPECT_FALSE(limits.AdmitRead(kStart + Seconds(4.9)));
  EXPECT_TRUE(limits.AdmitRead(kStart + Seconds(5.1)));
}

}  // namespace
}  // namespace millrace::shard
