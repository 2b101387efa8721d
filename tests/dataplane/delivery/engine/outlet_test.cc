#include "dataplane/delivery/engine/outlet.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "dataplane/delivery/engine/checkpoint_tracker.h"

namespace millrace::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A clock that a retry need not wait for: it is an hour later at each look.
class FastClock final : public Clock {
 public:
  WallMs WallNow() const override { return 1'000; }
  MonoTime Now() const override { return milliseconds(ticks_.fetch_add(step_)); }
  explicit FastClock(int64_t step_ms) : step_(step_ms) {}

 private:
  const int64_t step_;
  mutable std::atomic<int64_t> ticks_{0};
};

// Answers as it was told, then with success; remembers what it got.
class ScriptedSink final : public Sink {
 public:
  Delivery Deliver(const Parcel& parcel) override {
    std::lock_guard lock(mu_);
    ids.push_back(parcel.id);
    std::string got;
    for (const Record& record : parcel.records) got += std::string(record.data) + ",";
    tries.push_back(got);
    if (always) return *always;
    if (answers.empty()) return {};
    Delivery answer = answers.front();
    answers.pop_front();
    return answer;
  }
  Status Probe() override { return OkStatus(); }
  void Stop() override {}
  size_t parallel_max() const override { return 1; }

  std::mutex mu_;
  std::deque<Delivery> answers;
  std::optional<Delivery> always;
  std::vector<std::string> tries;
  std::vector<std::string> ids;
};

struct Fixture {
  explicit Fixture(OutletOptions options = {}, int64_t step_ms = 1'000) : clock(step_ms) {
    auto made = std::make_unique<ScriptedSink>();
    sink = made.get();
    options.name = "destination";
    options.failure_type = "http-endpoint-failed";
    outlet = std::make_unique<Outlet>(
        options, MakeRecordParcels(), std::move(made),
        [this](std::vector<FailedRecord> records, const auto& receipts) {
          for (const FailedRecord& each : records)
            refused.push_back(std::string(each.record.data) + " " + each.failure.code + " " +
                              std::to_string(each.failure.attempts));
          held = receipts;
        },
        clock);
  }
  void Add(const std::vector<std::string>& texts) {
    std::vector<Record> records;
    for (const std::string& text : texts) records.push_back({.data = text, .arrival_ms = 5});
    EXPECT_TRUE(outlet->Add(records, "", tracker->Begin(texts.back())).empty());
  }

  FastClock clock;
  ScriptedSink* sink;
  std::vector<std::string> refused;
  std::vector<std::shared_ptr<Receipt>> held;
  std::shared_ptr<CheckpointTracker> tracker = std::make_shared<CheckpointTracker>("");
  std::unique_ptr<Outlet> outlet;
};

TEST(Outlet, DeliversAndLetsThePositionMove) {
  Fixture f;
  f.Add({"1", "2"});
  ASSERT_TRUE(f.outlet->Drain(seconds(20)));
  EXPECT_EQ(f.tracker->delivered(), "2");
  EXPECT_EQ(f.outlet->Figures().delivered_records, 2U);
  EXPECT_EQ(f.outlet->Figures().oldest_arrival_ms, 0);
}

TEST(Outlet, TriesTheSameParcelAgainUnderTheSameId) {
  Fixture f;
  for (int i = 0; i < 3; ++i)
    f.sink->answers.push_back(
        {.verdict = Delivery::Verdict::kRetry, .code = "S3.503", .message = "slow down"});
  f.Add({"1"});
  ASSERT_TRUE(f.outlet->Drain(seconds(20)));
  ASSERT_EQ(f.sink->ids.size(), 4U);
  EXPECT_EQ(std::set<std::string>(f.sink->ids.begin(), f.sink->ids.end()).size(), 1U);
  EXPECT_EQ(f.tracker->delivered(), "1");
  EXPECT_EQ(f.outlet->Figures().last_error, "S3.503: slow down");
  EXPECT_FALSE(f.outlet->Figures().is_failing);
}

TEST(Outlet, HandsOverWhatIsRefusedAndHoldsThePositionUntilThatIsSafe) {
  Fixture f;
  f.sink->answers.push_back(
      {.verdict = Delivery::Verdict::kRefused, .code = "HttpEndpoint.413", .message = "too large"});
  f.Add({"1", "2"});
  ASSERT_TRUE(f.outlet->Drain(seconds(20)));
  EXPECT_EQ(f.refused, (std::vector<std::string>{"1 HttpEndpoint.413 1", "2 HttpEndpoint.413 1"}));
  EXPECT_EQ(f.tracker->delivered(), "");
  f.held.clear();
  EXPECT_EQ(f.tracker->delivered(), "2");
}

TEST(Outlet, GivesUpAfterTheRetryTime) {
  Fixture f({.retry_time = seconds(300)}, 60'000);
  f.sink->always = {.verdict = Delivery::Verdict::kRetry, .code = "Down"};
  f.Add({"1"});
  ASSERT_TRUE(f.outlet->Drain(seconds(60)));
  ASSERT_EQ(f.refused.size(), 1U);
  EXPECT_GT(f.sink->tries.size(), 1U);
}

TEST(Outlet, SettlesRecordsOneByOne) {
  Fixture f;
  Delivery first{.verdict = Delivery::Verdict::kRetry};
  first.rejected = {
      {.index = 1, .code = "mapper_parsing_exception", .message = "no", .details = {}}};
  first.again = {0, 3};
  f.sink->answers.push_back(first);
  f.Add({"a", "b", "c", "d"});
  ASSERT_TRUE(f.outlet->Drain(seconds(20)));
  EXPECT_EQ(f.sink->tries, (std::vector<std::string>{"a,b,c,d,", "a,d,"}));
  EXPECT_EQ(f.refused, (std::vector<std::string>{"b mapper_parsing_exception 1"}));
  EXPECT_EQ(f.outlet->Figures().delivered_records, 3U);
  EXPECT_EQ(f.outlet->Figures().delivered_bytes, 3U);
}

TEST(Outlet, StoppedWhileADestinationIsDownLeavesThePositionBehind) {
  Fixture f({}, 0);
  f.sink->always = {.verdict = Delivery::Verdict::kRetry, .code = "Down"};
  f.Add({"1"});
  EXPECT_FALSE(f.outlet->Drain(milliseconds(50)));
  f.outlet->Stop();
  EXPECT_EQ(f.tracker->delivered(), "");
  EXPECT_TRUE(f.tracker->has_failed());
  EXPECT_TRUE(f.refused.empty());
}

TEST(Outlet, MakesItsSourceWaitWhileBuffersAreFull) {
  OutletOptions options;
  options.buffers.bundle_bytes = 1'000;
  options.buffers.memory_bytes_max = 20'000;
  options.buffers.spill_bytes_max = 0;
  Fixture f(options, 5'000);
  f.sink->always = {.verdict = Delivery::Verdict::kRetry, .code = "Down"};
  std::atomic<int> added{0};
  const std::string text(1'000, 'x');
  std::thread feed([&] {
    for (int i = 0; i < 60; ++i) {
      f.outlet->Add({Record{.data = text}}, "", f.tracker->Begin("1"));
      ++added;
    }
  });
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_LT(added.load(), 40);
  {
    std::lock_guard lock(f.sink->mu_);
    f.sink->always.reset();
  }
  feed.join();
  EXPECT_TRUE(f.outlet->Drain(seconds(20)));
  EXPECT_EQ(f.outlet->Figures().delivered_records, 60U);
}

}  // namespace
}  // namespace millrace::delivery
