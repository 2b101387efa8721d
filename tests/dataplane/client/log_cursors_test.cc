#include "dataplane/client/log_cursors.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace millrace::client {
namespace {

// One shard in memory, shared by several readers and writers.
struct FakeLog {
  std::mutex mu;
  std::vector<std::string> records;
  size_t trimmed = 0;             // records that retention has dropped
  std::atomic<int> puts_lost{0};  // answers that never come, though the record is there
  std::atomic<size_t> records_read{0};
  size_t recent = 0;  // where "a while ago" begins
};

std::string Sequence(size_t n) { return std::to_string(n + 1); }

class FakeReader final : public StreamReader {
 public:
  explicit FakeReader(FakeLog& log) : log_(log) {}
  Result<std::vector<StreamShard>> ListShards() override {
    return std::vector<StreamShard>{{"shardId-000000000000", {}}};
  }
  Result<std::string> Open(const std::string&, const ReadFrom& from) override {
    std::lock_guard lock(log_.mu);
    if (from.kind == ReadFrom::Kind::kTime)
      return std::to_string(std::max(log_.recent, log_.trimmed));
    if (from.kind == ReadFrom::Kind::kAfter) return from.sequence_number;
    return std::to_string(log_.trimmed);
  }
  Result<StreamPage> Read(const std::string& iterator) override {
    std::lock_guard lock(log_.mu);
    size_t at = std::stoul(iterator);
    auto memory = std::make_shared<std::string>();
    StreamPage page;
    std::vector<std::pair<size_t, size_t>> places;
    for (int i = 0; i < 50 && at < log_.records.size(); ++i, ++at) {
      places.emplace_back(at, memory->size());
      *memory += Sequence(at) + log_.records[at];
      ++log_.records_read;
    }
    for (auto [n, begin] : places) {
      const std::string_view text = std::string_view(*memory).substr(begin);
      const size_t digits = Sequence(n).size();
      page.records.push_back(
          {text.substr(digits, log_.records[n].size()), "", text.substr(0, digits), 0});
    }
    page.memory = memory;
    page.next_iterator = std::to_string(at);
    return page;
  }

 private:
  FakeLog& log_;
};

class FakeWriter final : public StreamWriter {
 public:
  explicit FakeWriter(FakeLog& log) : log_(log) {}
  Result<std::vector<PutOutcome>> Put(const std::vector<NewRecord>& records) override {
    std::lock_guard lock(log_.mu);
    for (const NewRecord& record : records) log_.records.emplace_back(record.data);
    if (log_.puts_lost.fetch_sub(1) > 0) return Unavailable("the connection was cut");
    return std::vector<PutOutcome>{{Sequence(log_.records.size() - 1), "", ""}};
  }

 private:
  FakeLog& log_;
};

std::unique_ptr<Cursors> Open(FakeLog& log) {
  return MakeLogCursors(std::make_unique<FakeReader>(log), std::make_unique<FakeWriter>(log),
                        SystemClock());
}

TEST(LogCursors, WriteAndReadRows) {
  FakeLog log;
  auto cursors = Open(log);
  EXPECT_EQ(cursors->CompareAndSet("t", "a", "1", 0).value(), 1U);
  EXPECT_EQ(cursors->CompareAndSet("t", "a", "2", 1).value(), 2U);
  EXPECT_EQ(cursors->CompareAndSet("t", "b", "x", 0).value(), 1U);
  EXPECT_EQ(cursors->CompareAndSet("other", "a", "y", 0).value(), 1U);
  auto rows = Open(log)->List("t").value();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].key, "a");
  EXPECT_EQ(rows[0].value, "2");
  EXPECT_EQ(rows[0].version, 2U);
}

TEST(LogCursors, TheFirstOfTwoRivalsWins) {
  FakeLog log;
  auto one = Open(log), two = Open(log);
  ASSERT_TRUE(one->List("t").ok());
  ASSERT_TRUE(two->List("t").ok());
  EXPECT_TRUE(one->CompareAndSet("t", "a", "one", 0).ok());
  EXPECT_EQ(two->CompareAndSet("t", "a", "two", 0).status().code(), Code::kConflict);
  EXPECT_EQ(two->List("t").value()[0].value, "one");
}

TEST(LogCursors, OfManyRivalsExactlyOneWinsEachRound) {
  FakeLog log;
  std::atomic<int> wins{0};
  std::vector<std::thread> rivals;
  constexpr uint64_t kRounds = 300;
  for (int i = 0; i < 4; ++i)
    rivals.emplace_back([&] {
      auto cursors = Open(log);
      for (;;) {
        auto rows = cursors->List("t").value();
        const uint64_t version = rows.empty() ? 0 : rows[0].version;
        if (version >= kRounds) return;
        if (cursors->CompareAndSet("t", "a", "v", version).ok()) ++wins;
      }
    });
  for (auto& rival : rivals) rival.join();
  EXPECT_EQ(wins.load(), static_cast<int>(kRounds));
  EXPECT_EQ(Open(log)->List("t").value()[0].version, kRounds);
}

TEST(LogCursors, RemovedRowsAreGoneAndMayComeAgain) {
  FakeLog log;
  auto cursors = Open(log);
  ASSERT_TRUE(cursors->CompareAndSet("t", "a", "1", 0).ok());
  EXPECT_EQ(cursors->Remove("t", "a", 7).code(), Code::kConflict);
  EXPECT_TRUE(cursors->Remove("t", "a", 1).ok());
  EXPECT_TRUE(cursors->List("t").value().empty());
  EXPECT_EQ(cursors->CompareAndSet("t", "a", "2", 0).value(), 1U);
}

TEST(LogCursors, AnAnswerThatIsLostMayStillHaveBeenWritten) {
  FakeLog log;
  auto cursors = Open(log);
  ASSERT_TRUE(cursors->List("t").ok());
  log.puts_lost = 1;
  EXPECT_EQ(cursors->CompareAndSet("t", "a", "1", 0).status().code(), Code::kUnavailable);
  EXPECT_EQ(cursors->CompareAndSet("t", "a", "1", 0).status().code(), Code::kConflict);
  EXPECT_EQ(cursors->List("t").value()[0].version, 1U);
}

TEST(LogCursors, AReaderBeginsAtASnapshotAndKnowsTheSame) {
  FakeLog log;
  auto cursors = Open(log);
  ASSERT_TRUE(cursors->CompareAndSet("t", "old", "kept", 0).ok());
  for (uint64_t i = 0; i < 1'500; ++i)
    ASSERT_TRUE(
        cursors->CompareAndSet("t", "k" + std::to_string(i % 7), "v" + std::to_string(i), i / 7)
            .ok());
  log.recent = log.records.size() - 900;
  log.trimmed = log.recent;  // what is before is gone, too
  log.records_read = 0;
  auto late = Open(log);
  auto rows = late->List("t").value();
  auto same = cursors->List("t").value();
  ASSERT_EQ(rows.size(), 8U);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].value, same[i].value);
    EXPECT_EQ(rows[i].version, same[i].version);
  }
  EXPECT_LE(log.records_read.load(), 1'000U);
}

TEST(CursorFold, ASnapshotFromBeforeItsFirstRecordIsNotEnough) {
  CursorFold whole(true);
  whole.Apply("10", ChangeRecord("1", "t", "a", nullptr, 3));
  std::string value = "x";
  whole.Apply("11", ChangeRecord("2", "t", "a", &value, 0));
  const std::string snapshot = whole.Snapshot();  // at 11
  CursorFold late(false);
  late.Apply("12", ChangeRecord("3", "t", "a", &value, 1));
  late.Apply("13", snapshot);
  EXPECT_FALSE(late.is_known());
  CursorFold early(false);
  early.Apply("11", ChangeRecord("2", "t", "a", &value, 0));
  early.Apply("12", ChangeRecord("3", "t", "a", &value, 1));
  early.Apply("13", snapshot);
  EXPECT_TRUE(early.is_known());
  EXPECT_EQ(early.Version("t", "a"), 2U);
}

TEST(CursorFold, PassesOverWhatIsNoRecordOfOurs) {
  CursorFold fold(true);
  fold.Apply("1", "no json");
  fold.Apply("2", "{}");
  fold.Apply("3", "[1,2]");
  EXPECT_TRUE(fold.Rows("t").empty());
  EXPECT_EQ(fold.last(), "3");
}

TEST(IsLess, ComparesDecimalsOfAnyLength) {
  EXPECT_TRUE(IsLess("9", "10"));
  EXPECT_FALSE(IsLess("10", "9"));
  EXPECT_FALSE(IsLess("10", "10"));
  EXPECT_TRUE(IsLess("49600000000000000000000000000000000000000000000000000001",
                     "49600000000000000000000000000000000000000000000000000002"));
}

}  // namespace
}  // namespace millrace::client
