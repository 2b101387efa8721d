#include "dataplane/delivery/sinks/stream/stream_sink.h"

#include <gtest/gtest.h>

#include <map>

namespace millrace::delivery {
namespace {

using client::NewRecord;
using client::PutOutcome;
using Verdict = Delivery::Verdict;

// A stream that refuses calls with a record "bad", throttles "slow" once, and can be away.
struct World {
  std::vector<size_t> calls;
  std::vector<std::pair<std::string, std::string>> records;  // key, data
  std::map<std::string, int> seen;
  bool is_away = false;
};

class FakeWriter final : public client::StreamWriter {
 public:
  explicit FakeWriter(World& world) : world_(world) {}
  Result<std::vector<PutOutcome>> Put(const std::vector<NewRecord>& records) override {
    world_.calls.push_back(records.size());
    if (world_.is_away) return Unavailable("the stream is away");
    for (const NewRecord& record : records) {
      if (record.data == "bad") return InvalidArgument("a record is larger than the stream takes");
    }
    std::vector<PutOutcome> outcomes;
    for (const NewRecord& record : records) {
      if (record.data == "slow" && ++world_.seen["slow"] == 1) {
        outcomes.push_back({"", "ProvisionedThroughputExceededException", "slow down"});
        continue;
      }
      world_.records.emplace_back(record.partition_key, record.data);
      outcomes.push_back({"1", "", ""});
    }
    return outcomes;
  }

 private:
  World& world_;
};

class StreamSinkTest : public testing::Test {
 protected:
  std::unique_ptr<Sink> Open(bool random_keys = false) {
    return MakeStreamSink([this] { return std::make_unique<FakeWriter>(world_); }, random_keys);
  }
  static Parcel Records(const std::vector<std::string_view>& texts) {
    Parcel parcel;
    for (const std::string_view text : texts)
      parcel.records.push_back({.data = text, .origin = {.partition_key = "k"}});
    return parcel;
  }
  World world_;
};

TEST_F(StreamSinkTest, WritesRecordsUnderTheirKeysOrRandomOnes) {
  EXPECT_EQ(Open()->Deliver(Records({"a", "b"})).verdict, Verdict::kDelivered);
  EXPECT_EQ(world_.records,
            (std::vector<std::pair<std::string, std::string>>{{"k", "a"}, {"k", "b"}}));
  world_.records.clear();
  EXPECT_EQ(Open(/*random_keys=*/true)->Deliver(Records({"a", "b"})).verdict, Verdict::kDelivered);
  EXPECT_NE(world_.records[0].first, world_.records[1].first);
}

TEST_F(StreamSinkTest, CallsAreAsLargeAsTheStreamTakes) {
  const std::string large(900'000, 'x');
  Parcel parcel = Records(std::vector<std::string_view>(1'200, "x"));
  for (Record& record : Records(std::vector<std::string_view>(7, large)).records)
    parcel.records.push_back(record);
  EXPECT_EQ(Open()->Deliver(parcel).verdict, Verdict::kDelivered);
  EXPECT_EQ(world_.calls, (std::vector<size_t>{500, 500, 205, 2}));
}

TEST_F(StreamSinkTest, OnlyWhatFailedIsTriedAgain) {
  const Delivery delivery = Open()->Deliver(Records({"a", "slow", "b"}));
  EXPECT_EQ(delivery.verdict, Verdict::kRetry);
  EXPECT_EQ(delivery.again, (std::vector<size_t>{1}));
  EXPECT_EQ(delivery.code, "Stream.ProvisionedThroughputExceededException");
}

TEST_F(StreamSinkTest, ARecordThatTheStreamNeverTakesGoesToTheBackupAndTheOthersThere) {
  const Delivery delivery = Open()->Deliver(Records({"a", "bad", "b"}));
  EXPECT_EQ(delivery.verdict, Verdict::kRefused);
  ASSERT_EQ(delivery.rejected.size(), 1U);
  EXPECT_EQ(delivery.rejected[0].index, 1U);
  EXPECT_TRUE(delivery.again.empty());
  EXPECT_EQ(world_.records.size(), 2U);
}

TEST_F(StreamSinkTest, AStreamThatIsAwayIsTriedAgainWithAll) {
  world_.is_away = true;
  const Delivery delivery = Open()->Deliver(Records({"a", "b"}));
  EXPECT_EQ(delivery.verdict, Verdict::kRetry);
  EXPECT_TRUE(delivery.again.empty()) << "none is settled";
  EXPECT_EQ(delivery.message, "the stream is away");
}

}  // namespace
}  // namespace millrace::delivery
