#include "dataplane/delivery/engine/partition_buffers.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/random.h"

namespace millrace::delivery {
namespace {

using std::chrono::seconds;

std::shared_ptr<Receipt> NewReceipt() {
  return std::make_shared<Receipt>([](bool) {});
}

Record Keyed(std::string_view data, std::string_view customer) {
  Record record{.data = data, .arrival_ms = 7};
  record.origin = {.shard = "shardId-000000000000",
                   .sequence_number = "42",
                   .sub_sequence_number = 3,
                   .partition_key = "pk"};
  record.query_keys = {{"customer", customer}};
  return record;
}

BufferLimits Limits() {
  return {.bundle_bytes = 1'000,
          .interval = seconds(60),
          .partitions_max = 3,
          .memory_bytes_max = 64 << 10,
          .spill_folder = testing::TempDir()};
}

TEST(PartitionBuffers, KeepPartitionsApart) {
  PartitionBuffers buffers(Limits());
  auto receipt = NewReceipt();
  EXPECT_TRUE(buffers.Add(Keyed("a1", "a"), "", receipt, {}));
  EXPECT_TRUE(buffers.Add(Keyed("b1", "b"), "", receipt, {}));
  EXPECT_TRUE(buffers.Add(Keyed("a2", "a"), "", receipt, {}));
  EXPECT_EQ(buffers.partition_count(), 2U);
  auto first = buffers.Take({}, true);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->partition.query_keys, (PartitionKeys{{"customer", "a"}}));
  EXPECT_EQ(first->receipts.size(), 1U);
  auto records = first->records.Records();
  ASSERT_EQ(records->size(), 2U);
  EXPECT_EQ((*records)[1].data, "a2");
  EXPECT_EQ((*records)[1].origin.shard, "shardId-000000000000");
  EXPECT_EQ((*records)[1].origin.sequence_number, "42");
  EXPECT_EQ((*records)[1].origin.sub_sequence_number, 3U);
  EXPECT_EQ((*records)[1].origin.partition_key, "pk");
}

TEST(PartitionBuffers, NamesAndValuesAreNotConfused) {
  PartitionBuffers buffers(Limits());
  Record one{.data = "x"}, two{.data = "x"};
  one.query_keys = {{"a", "b"}};
  two.function_keys = {{"a", "b"}};
  buffers.Add(one, "", NewReceipt(), {});
  buffers.Add(two, "", NewReceipt(), {});
  EXPECT_EQ(buffers.partition_count(), 2U);
}

TEST(PartitionBuffers, GiveWhatIsFullAtOnceAndWhatIsDueInOrder) {
  PartitionBuffers buffers(Limits());
  auto receipt = NewReceipt();
  buffers.Add(Keyed("old", "a"), "", receipt, seconds(0));
  buffers.Add(Keyed("young", "b"), "", receipt, seconds(30));
  EXPECT_FALSE(buffers.Take(seconds(59), false));
  EXPECT_EQ(buffers.NextDue(), seconds(60));
  const std::string large(1'000, 'x');
  buffers.Add(Keyed(large, "c"), "", receipt, seconds(59));
  EXPECT_EQ(buffers.Take(seconds(59), false)->partition.query_keys[0].second, "c");
  EXPECT_EQ(buffers.Take(seconds(60), false)->partition.query_keys[0].second, "a");
  EXPECT_FALSE(buffers.Take(seconds(60), false));
  EXPECT_EQ(buffers.Take(seconds(90), false)->partition.query_keys[0].second, "b");
  EXPECT_TRUE(buffers.is_empty());
  EXPECT_EQ(buffers.memory_bytes(), 0U);
}

TEST(PartitionBuffers, OpenNoMorePartitionsThanTheyMay) {
  PartitionBuffers buffers(Limits());
  auto receipt = NewReceipt();
  for (const char* customer : {"a", "b", "c"})
    EXPECT_TRUE(buffers.Add(Keyed("x", customer), "", receipt, {}));
  EXPECT_FALSE(buffers.Add(Keyed("x", "d"), "", receipt, {}));
  EXPECT_TRUE(buffers.Add(Keyed("x", "a"), "", receipt, {}));
  ASSERT_TRUE(buffers.Take(seconds(60), false));
  EXPECT_TRUE(buffers.Add(Keyed("x", "d"), "", receipt, seconds(60)));
}

TEST(PartitionBuffers, SpillToTheVolumeAndComeBackWhole) {
  BufferLimits limits = Limits();
  limits.bundle_bytes = 10 << 20;
  limits.partitions_max = 50;
  PartitionBuffers buffers(limits);
  auto receipt = NewReceipt();
  Random random(5);
  std::multiset<std::string> all;
  for (int i = 0; i < 4'000; ++i) {
    const std::string data = std::to_string(i) + std::string(random.Below(200), 'd');
    all.insert(data);
    buffers.Add(Keyed(data, std::to_string(random.Below(40))), "", receipt, {});
    ASSERT_TRUE(buffers.Spill().ok());
    EXPECT_FALSE(buffers.is_full());
  }
  EXPECT_GT(buffers.spilled_bytes(), 100'000U);
  std::multiset<std::string> out;
  while (auto bundle = buffers.Take({}, true)) {
    const auto records = bundle->records.Records();
    for (const Record& record : *records) out.emplace(record.data);
  }
  EXPECT_EQ(out, all);
  EXPECT_EQ(buffers.memory_bytes(), 0U);
  EXPECT_EQ(buffers.spilled_bytes(), 0U);
}

TEST(PartitionBuffers, WithoutRoomToSpillGiveTheLargestBeforeItIsDue) {
  BufferLimits limits = Limits();
  limits.bundle_bytes = 10 << 20;
  limits.spill_bytes_max = 0;
  PartitionBuffers buffers(limits);
  auto receipt = NewReceipt();
  const std::string large(80 << 10, 'x');
  buffers.Add(Keyed("small", "a"), "", receipt, {});
  buffers.Add(Keyed(large, "b"), "", receipt, {});
  ASSERT_TRUE(buffers.Spill().ok());
  EXPECT_TRUE(buffers.is_full());
  EXPECT_EQ(buffers.Take({}, false)->partition.query_keys[0].second, "b");
  EXPECT_FALSE(buffers.Take({}, false));
}

TEST(PartitionBuffers, SayWhereTheyCannotSpill) {
  BufferLimits limits = Limits();
  limits.bundle_bytes = 10 << 20;
  limits.spill_folder = "/nowhere/at/all";
  PartitionBuffers buffers(limits);
  buffers.Add(Keyed(std::string(80 << 10, 'x'), "b"), "", NewReceipt(), {});
  EXPECT_EQ(buffers.Spill().code(), Code::kIo);
  EXPECT_EQ(buffers.Take({}, true)->records.Records()->size(), 1U);
}

}  // namespace
}  // namespace millrace::delivery
