#include "dataplane/peer/append_window.h"

#include <gtest/gtest.h>

namespace millrace::peer {
namespace {

using Outcomes = AppendWindow::Outcomes;

constexpr uint64_t kOwn = 77;
constexpr MonoTime kNow = std::chrono::seconds(100);

AppendRequest Request(uint64_t number, bool repeated = false, uint64_t incarnation = kOwn) {
  AppendRequest request;
  request.channel = 1;
  request.number = number;
  request.repeated = repeated;
  request.incarnation = incarnation;
  return request;
}

class AppendWindowTest : public ::testing::Test {
 protected:
  Result<bool> Begin(const AppendRequest& request, MonoTime now = kNow) {
    AppendWindow::Done done = [this](const Outcomes& outcomes) {
      told_.push_back(outcomes.at(0).first_index);
    };
    return window_.Begin(request, now, done);
  }
  static Outcomes At(uint64_t index) { return {{Code::kOk, index, 0, ""}}; }

  AppendWindow window_{kOwn, {.channels_max = 2, .unsettled_max = 3}};
  std::vector<uint64_t> told_;
};

TEST_F(AppendWindowTest, ARepetitionIsToldWhatBecameOfTheFirst) {
  EXPECT_TRUE(*Begin(Request(1)));
  window_.End(1, 1, At(5));
  EXPECT_FALSE(*Begin(Request(1, true)));
  EXPECT_EQ(told_, (std::vector<uint64_t>{5}));
}

TEST_F(AppendWindowTest, ARepetitionOfWhatIsUnderWayWaitsForIt) {
  EXPECT_TRUE(*Begin(Request(1)));
  EXPECT_FALSE(*Begin(Request(1, true)));
  EXPECT_FALSE(*Begin(Request(1, true)));
  EXPECT_TRUE(told_.empty());
  window_.End(1, 1, At(5));
  EXPECT_EQ(told_, (std::vector<uint64_t>{5, 5}));
}

TEST_F(AppendWindowTest, ARepetitionOfWhatNeverCameIsDone) {
  EXPECT_TRUE(*Begin(Request(1, true)));
}

TEST_F(AppendWindowTest, ARepetitionThatAFormerIncarnationMayHaveDoneIsRefused) {
  EXPECT_EQ(Begin(Request(1, true, 66)).status().code(), Code::kConflict);
  EXPECT_EQ(Begin(Request(2, true, 0)).status().code(), Code::kConflict);
}

TEST_F(AppendWindowTest, WhatIsSettledIsForgottenAndNeverDoneAgain) {
  EXPECT_TRUE(*Begin(Request(1)));
  window_.End(1, 1, At(5));
  AppendRequest next = Request(2);
  next.settled_below = 2;
  EXPECT_TRUE(*Begin(next));
  EXPECT_EQ(window_.unsettled(), 1u);
  EXPECT_EQ(Begin(Request(1)).status().code(), Code::kConflict);
}

TEST_F(AppendWindowTest, PastItsLimitsItRefuses) {
  for (uint64_t number = 1; number <= 3; ++number) EXPECT_TRUE(*Begin(Request(number)));
  EXPECT_EQ(Begin(Request(4)).status().code(), Code::kThrottled);
  AppendRequest other = Request(1);
  other.channel = 2;
  EXPECT_TRUE(*Begin(other));
  other.channel = 3;
  EXPECT_EQ(Begin(other).status().code(), Code::kThrottled);
  // One that is idle for long, with nothing under way, makes room.
  window_.End(2, 1, At(0));
  EXPECT_TRUE(*Begin(other, kNow + std::chrono::minutes(5)));
}

}  // namespace
}  // namespace millrace::peer
