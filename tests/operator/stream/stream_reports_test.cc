#include "operator/stream/stream_reports.h"

#include <gtest/gtest.h>

namespace millrace::op {
namespace {

ObservedStream At(uint64_t version, const std::string& volume = "v1") {
  ObservedStream stream;
  stream.applied_version = version;
  stream.volume = volume;
  return stream;
}

class StreamReportsTest : public testing::Test {
 protected:
  StreamReportsTest() { reports_.SetVolume("v1"); }
  StreamReports reports_;
};

TEST_F(StreamReportsTest, OnlyWhatChangedIsNews) {
  EXPECT_FALSE(reports_.Find(7));
  EXPECT_TRUE(reports_.Keep(7, At(1)));
  EXPECT_FALSE(reports_.Keep(7, At(1)));
  EXPECT_TRUE(reports_.Keep(7, At(2)));
  EXPECT_EQ(reports_.Find(7), At(2));
}

TEST_F(StreamReportsTest, AStreamMayHaveMoreToSayAndThenNotAnyMore) {
  ObservedStream sealed = At(3);
  sealed.sealed.push_back({1, 100, 42});
  EXPECT_TRUE(reports_.Keep(7, At(2)));
  EXPECT_TRUE(reports_.Keep(7, sealed));
  EXPECT_FALSE(reports_.Keep(7, sealed));
  EXPECT_EQ(reports_.Find(7), sealed);
  EXPECT_TRUE(reports_.Keep(7, At(3)));
  EXPECT_EQ(reports_.Find(7), At(3));
}

TEST_F(StreamReportsTest, WhatWasSaidOfOneVolumeIsNotSaidOfTheNext) {
  reports_.Keep(7, At(2));
  reports_.SetVolume("v2");
  EXPECT_EQ(reports_.Find(7), At(2, "v1"));
  EXPECT_TRUE(reports_.Keep(7, At(2, "v2")));
  EXPECT_EQ(reports_.Find(7), At(2, "v2"));
}

TEST_F(StreamReportsTest, WhatIsNotToldAnyMoreIsForgotten) {
  ObservedStream failing = At(1);
  failing.error = "the disk is full";
  reports_.Keep(1, At(1));
  reports_.Keep(2, failing);
  reports_.Keep(3, At(1));
  reports_.Forget(3);
  EXPECT_FALSE(reports_.Find(3));
  reports_.ForgetAllBut({2});
  EXPECT_FALSE(reports_.Find(1));
  EXPECT_EQ(reports_.Find(2), failing);
  reports_.ForgetAllBut({});
  EXPECT_FALSE(reports_.Find(2));
}

}  // namespace
}  // namespace millrace::op
