#include <deque>
#include <map>

#include "common/base/random.h"
#include "tests/dataplane/storage/lane_fixture.h"

namespace millrace::storage {
namespace {

// What an extent should hold. Appends that were not answered when the process died may be there or
// not, but only as a whole and in their order.
struct ModelExtent {
  std::vector<std::string> durable;
  std::deque<std::vector<std::string>> pending;
  std::vector<WallMs> arrivals;
  WallMs horizon_ms = 0;  // what arrived before may be gone, nothing else
  bool sealed = false;
  bool seal_pending = false;
  bool drop_pending = false;
};

class LaneTorture : public LaneFixture, public testing::WithParamInterface<int> {
 protected:
  LaneTorture() { random = Random(static_cast<uint64_t>(GetParam()) * 7919 + 1); }

  void OpenSome() {
    ExtentId id = Id(static_cast<uint32_t>(random.Below(6)), ++epoch);
    ASSERT_TRUE(OpenExtent(id, options.keys != nullptr && random.OneIn(2)).ok());
    model[id];
  }
  ExtentId Some() {
    auto it = model.begin();
    std::advance(it, random.Below(model.size()));
    return it->first;
  }
  std::string Data() {
    size_t size = random.OneIn(20) ? random.Below(15'000) : random.Below(300);
    std::string data = std::to_string(++records) + "|";
    data.resize(std::max(size, data.size()), 'd');
    return data;
  }

  void AppendSome() {
    ExtentId id = Some();
    ModelExtent& extent = model[id];
    if (extent.sealed || extent.seal_pending || extent.drop_pending) return;
    std::vector<std::string> data;
    for (uint64_t n = 1 + random.Below(4); n > 0; --n) data.push_back(Data());
    extent.pending.push_back(data);
    lane->AppendRecords(MakeAppend(id, data), [this, id](const Result<AppendResult>& result) {
      ASSERT_TRUE(result.ok()) << result.status().ToString();
      ModelExtent& acked = model[id];
      ASSERT_FALSE(acked.pending.empty());
      EXPECT_EQ(result->first_index, acked.durable.size());
      for (auto& d : acked.pending.front()) {
        acked.durable.push_back(std::move(d));
        acked.arrivals.push_back(result->arrival_ms);
      }
      acked.pending.pop_front();
    });
  }
  void SealSome() {
    ExtentId id = Some();
    if (model[id].drop_pending) return;
    model[id].seal_pending = true;
    lane->Seal(id, [this, id](const Result<uint64_t>& end) {
      ASSERT_TRUE(end.ok());
      EXPECT_EQ(*end, model[id].durable.size());
      model[id].sealed = true;
    });
  }
  void DropSome() {
    if (model.size() < 3) return;
    ExtentId id = Some();
    if (model[id].drop_pending) return;
    model[id].drop_pending = true;
    lane->Drop(id, [this, id](const Status& status) {
      ASSERT_TRUE(status.ok());
      model.erase(id);
    });
  }
  void TrimSome() {
    ExtentId id = Some();
    if (model[id].drop_pending) return;
    WallMs horizon = clock.WallNow() - static_cast<WallMs>(random.Below(3000));
    lane->Trim(id, horizon);
    model[id].horizon_ms = std::max(model[id].horizon_ms, horizon);
  }

  void Check(const ExtentId& id) {
    ModelExtent& extent = model[id];
    auto info = lane->Info(id);
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->lost_records, 0U);
    if (info->begin_index > 0) {
      EXPECT_LT(extent.arrivals[info->begin_index - 1], extent.horizon_ms);
    }
    EXPECT_EQ(info->end_index, extent.durable.size());
    EXPECT_EQ(info->sealed, extent.sealed);
    uint64_t end = info->end_index;
    auto all = ReadAll(id);
    EXPECT_EQ(skipped, 0U);
    // Lists that were not in memory may have told more of what is trimmed.
    info = lane->Info(id);
    // More may have become durable while the disk was read.
    ASSERT_LE(info->begin_index + all.size(), extent.durable.size());
    ASSERT_GE(info->begin_index + all.size(), end);
    for (size_t i = 0; i < all.size(); ++i) {
      uint64_t index = info->begin_index + i;
      ASSERT_EQ(all[i], std::to_string(index) + ":" + extent.durable[index]);
    }
  }
  void CheckAll() {
    for (const auto& [id, extent] : model) {
      if (!extent.drop_pending) Check(id);
    }
  }

  // Takes what survived as the truth, where it may be.
  void Adopt() {
    for (auto it = model.begin(); it != model.end();) {
      auto info = lane->Info(it->first);
      ModelExtent& extent = it->second;
      if (!info.has_value()) {
        ASSERT_TRUE(extent.drop_pending) << it->first.shard << "/" << it->first.epoch;
        it = model.erase(it);
        continue;
      }
      extent.drop_pending = false;
      while (extent.durable.size() < info->end_index) {
        ASSERT_FALSE(extent.pending.empty());
        for (auto& d : extent.pending.front()) {
          extent.durable.push_back(d);
          extent.arrivals.push_back(info->last_arrival_ms);
        }
        extent.pending.pop_front();
      }
      extent.pending.clear();
      ASSERT_EQ(extent.durable.size(), info->end_index);
      ASSERT_TRUE(info->sealed || !extent.sealed);
      ASSERT_TRUE(!info->sealed || extent.sealed || extent.seal_pending);
      extent.sealed = info->sealed;
      extent.seal_pending = false;
      ++it;
    }
    ASSERT_EQ(model.size(), lane->Extents().size());
  }

  void Step() {
    if (model.empty()) return OpenSome();
    switch (random.Below(12)) {
      case 0:
        return OpenSome();
      case 1:
        return random.OneIn(3) ? SealSome() : TrimSome();
      case 2:
        return random.OneIn(4) ? DropSome() : TrimSome();
      case 3:
        return executor.RunFor(std::chrono::milliseconds(random.Below(60)));
      case 4:
        if (random.OneIn(30)) CheckAll();
        return;
      default:
        return AppendSome();
    }
  }

  Random random{1};
  uint64_t epoch = 0;
  uint64_t records = 0;
  std::map<ExtentId, ModelExtent> model;
};

TEST_P(LaneTorture, CrashesLoseNothingThatWasAcknowledged) {
  options.segment_bytes = random.OneIn(2) ? 512 * kKiB : 128 * kKiB;
  options.tail_cache_bytes = random.OneIn(2) ? 256 * kKiB : 16 * kKiB;
  if (random.OneIn(2)) options.index_cache_bytes = 0;
  options.writes_in_flight_max = 1 + random.Below(6);
  options.clean_below_live_fraction = random.OneIn(2) ? 0.5 : 0.95;
  if (random.OneIn(2)) options.keys = &keys;
  disk.options().latency_max = std::chrono::milliseconds(1 + random.Below(10));
  Open();
  for (int life = 0; life < 12 && !HasFatalFailure(); ++life) {
    if (model.empty()) OpenSome();
    for (uint64_t n = random.Below(400); n > 0; --n) {
      Step();
      if (HasFatalFailure()) return;
    }
    if (random.OneIn(3)) Settle();
    Reopen();
    if (HasFatalFailure()) return;
    EXPECT_EQ(lane->stats().corrupt_blocks, 0U);
    EXPECT_EQ(lane->stats().lost_records, 0U);
    Adopt();
    if (HasFatalFailure()) return;
    CheckAll();
    EXPECT_EQ(fenced, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LaneTorture, testing::Range(0, 24));

}  // namespace
}  // namespace millrace::storage
