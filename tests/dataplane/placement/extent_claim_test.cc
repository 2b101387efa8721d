#include "dataplane/placement/extent_claim.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "common/base/random.h"
#include "dataplane/placement/apply_plan.h"

namespace millrace::shard {
namespace {

using resources::MapExtent;
using storage::ExtentInfo;

constexpr WallMs kBorn = 1'763'700'000'000;
constexpr uint64_t kBornEpoch = 1'763'700'000;
const Volume kVolume{"v1", kBorn};

MapExtent Extent(const std::string& volume, std::optional<uint64_t> end = {},
                 uint64_t epoch = kBornEpoch) {
  return {.epoch = epoch, .owner = "me", .end_index = end, .volume = volume};
}
ExtentInfo Here(uint64_t end) {
  ExtentInfo info;
  info.end_index = end;
  return info;
}
Claim Absent(const MapExtent& extent) { return ClaimOf(extent, kVolume, nullptr); }
Claim Present(const MapExtent& extent, uint64_t end) {
  const ExtentInfo info = Here(end);
  return ClaimOf(extent, kVolume, &info);
}

TEST(ExtentClaim, WhatWasToBeOpenedOnThisVolumeAloneAndIsNotHereWasNeverOpened) {
  EXPECT_EQ(Absent(Extent("v1")), Claim::kNeverOpened);
  EXPECT_EQ(Absent(Extent("v1", {}, 7)), Claim::kNeverOpened) << "whatever the clocks say";
}

TEST(ExtentClaim, WhatWasToBeOpenedOnAnotherVolumeAndIsNotHereIsMissing) {
  EXPECT_EQ(Absent(Extent("v0")), Claim::kMissing);
  EXPECT_EQ(Absent(Extent("v0", {}, kBornEpoch + 100'000)), Claim::kMissing);
}

TEST(ExtentClaim, RecordsThatAreKnownToHaveBeenAreMissingWhateverTheVolume) {
  EXPECT_EQ(Absent(Extent("v1", 4)), Claim::kMissing);
  EXPECT_EQ(Absent(Extent("", 4)), Claim::kMissing);
  EXPECT_EQ(Absent(Extent("v0", 0)), Claim::kNothingOwed);
}

TEST(ExtentClaim, OfAnExtentWithoutAVolumeTheAgeDecidesWithRoomForClocksThatDiffer) {
  EXPECT_EQ(Absent(Extent("", {}, kBornEpoch)), Claim::kNeverOpened);
  EXPECT_EQ(Absent(Extent("", {}, kBornEpoch - 60)), Claim::kNeverOpened);
  EXPECT_EQ(Absent(Extent("", {}, kBornEpoch - 61)), Claim::kMissing);
  // A log that is older than ids may have any extent that was never opened.
  EXPECT_EQ(ClaimOf(Extent("", {}, 7), {"v1", 0}, nullptr), Claim::kNeverOpened);
}

TEST(ExtentClaim, WhatIsHereIsWholeOnItsOwnVolume) {
  EXPECT_EQ(Present(Extent("v1"), 3), Claim::kWhole);
  EXPECT_EQ(Present(Extent(""), 3), Claim::kWhole);
  EXPECT_EQ(Present(Extent("v1", 3), 3), Claim::kWhole);
}

TEST(ExtentClaim, ACopyOfAnEarlierTimeIsNotWhole) {
  EXPECT_EQ(Present(Extent("v1", 4), 3), Claim::kMissing);
  EXPECT_EQ(Present(Extent("v0"), 3), Claim::kMissing) << "nobody knows where it ended";
  EXPECT_EQ(Present(Extent("v0", 3), 3), Claim::kWhole) << "the map knows";
}

TEST(ExtentClaim, NothingIsOwedOfWhatWasGivenUp) {
  MapExtent extent = Extent("v0", 0);
  extent.lost = true;
  EXPECT_EQ(Absent(extent), Claim::kNothingOwed);
  EXPECT_EQ(Present(extent, 9), Claim::kWhole);
}

// A pod that loses its volume, gets others and has old ones back, an operator that may know of the
// volume before, and writers that count what was acknowledged.
struct LossWorld {
  explicit LossWorld(uint64_t seed) : random(seed) {
    map.stream_uid = 7;
    resources::MapShard shard{.index = 0, .start = {}, .end = resources::HashKey::Max()};
    map.shards = {shard};
    Place();
  }

  using Extents = std::map<uint64_t, ExtentInfo>;
  Random random;
  resources::ShardMap map;
  std::map<std::string, Extents> volumes{{"v0", {}}};
  std::string on = "v0";
  std::string operator_thinks = "v0";
  std::map<uint64_t, uint64_t> acknowledged;  // by epoch
  uint64_t next_epoch = 1;

  std::vector<MapExtent>& chain() { return map.shards[0].extents; }
  void Place() {
    chain().push_back({.epoch = next_epoch++, .owner = "me", .volume = operator_thinks});
  }
  ApplyPlan Apply() {
    std::vector<ExtentInfo> here;
    for (const auto& [epoch, info] : volumes[on]) here.push_back(info);
    ApplyPlan plan = PlanApply(map, {"me", {on, 0}}, here, 0);
    for (const ExtentStep& step : plan.open) {
      EXPECT_EQ(acknowledged[step.id.epoch], 0u)
          << "opened again, its numbers would be given twice";
      volumes[on][step.id.epoch].id = step.id;
    }
    for (const ExtentStep& step : plan.seal) volumes[on].at(step.id.epoch).sealed = true;
    return plan;
  }
  void Append() {
    const auto head = volumes[on].find(chain().back().epoch);
    if (head == volumes[on].end() || head->second.sealed) return;
    ++head->second.end_index;
    ++acknowledged[head->first];
  }
  void NoteEnds(const ApplyPlan& plan) {
    for (MapExtent& extent : chain()) {
      const auto here = volumes[on].find(extent.epoch);
      const bool missing =
          std::any_of(plan.missing.begin(), plan.missing.end(),
                      [&](const MissingExtent& m) { return m.id.epoch == extent.epoch; });
      const bool head = &extent == &chain().back();
      if (here != volumes[on].end() && here->second.sealed && !missing && !head)
        extent.end_index = here->second.end_index;
    }
  }
  void Step() {
    switch (random.Below(6)) {
      case 0:
        on = "v" + std::to_string(random.Below(volumes.size() + 1));
        break;
      case 1:
        operator_thinks = on;
        break;
      case 2:
        Place();
        break;
      default:
        Append();
    }
    if (random.OneIn(3)) NoteEnds(Apply());
  }
  // What a reader may pass of an extent by what this pod says of it.
  void Check() {
    const ApplyPlan plan = Apply();
    for (const MapExtent& extent : chain()) {
      const auto here = volumes[on].find(extent.epoch);
      const uint64_t readable = here != volumes[on].end() ? here->second.end_index : 0;
      const bool missing =
          std::any_of(plan.missing.begin(), plan.missing.end(),
                      [&](const MissingExtent& m) { return m.id.epoch == extent.epoch; });
      if (readable < acknowledged[extent.epoch]) {
        EXPECT_TRUE(missing) << "readers pass " << extent.epoch << " and miss "
                             << acknowledged[extent.epoch] - readable;
      }
      if (extent.volume == on) {
        EXPECT_FALSE(missing) << "all of " << extent.epoch << " is here";
      }
    }
  }
};

TEST(ExtentClaim, NoAcknowledgedRecordIsEverPassedAndNoEpochOpenedTwiceWhateverBecomesOfVolumes) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    LossWorld world(seed);
    for (int step = 0; step < 60; ++step) {
      world.Step();
      world.Check();
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace millrace::shard
