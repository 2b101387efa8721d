#include "dataplane/delivery/engine/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace millrace::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The table, in memory; can be made to fail.
class FakeCursors final : public client::Cursors {
 public:
  Result<std::vector<client::Cursor>> List(const std::string&) override {
    std::lock_guard lock(mu_);
    if (is_away) return Unavailable("away");
    std::vector<client::Cursor> out;
    for (const auto& [key, row] : rows_) out.push_back(row);
    return out;
  }
  Result<uint64_t> CompareAndSet(const std::string&, const std::string& key,
                                 const std::string& value, uint64_t expected) override {
    std::lock_guard lock(mu_);
    if (is_away) return Unavailable("away");
    client::Cursor& row = rows_[key];
    if (row.version != expected)
      return Status(Code::kConflict, "version " + std::to_string(row.version));
    row = {key, value, expected + 1};
    return row.version;
  }
  Status Remove(const std::string&, const std::string& key, uint64_t) override {
    std::lock_guard lock(mu_);
    rows_.erase(key);
    return OkStatus();
  }
  Lease Row(const std::string& key) {
    std::lock_guard lock(mu_);
    return rows_.contains(key) ? Lease::Parse(rows_[key].value).value() : Lease{};
  }

  std::atomic<bool> is_away{false};

 private:
  std::mutex mu_;
  std::map<std::string, client::Cursor> rows_;
};

// A stream in memory: records are their own numbers, sequence numbers have a fixed width.
struct FakeStream {
  std::mutex mu;
  std::map<std::string, std::vector<std::string>> records;  // by shard
  std::map<std::string, std::vector<std::string>> parents;
  std::set<std::string> closed;
};

std::string Number(size_t n) { return std::to_string(1'000'000 + n); }

class FakeReader final : public client::StreamReader {
 public:
  explicit FakeReader(FakeStream& stream) : stream_(stream) {}
  Result<std::vector<client::StreamShard>> ListShards() override {
    std::lock_guard lock(stream_.mu);
    std::vector<client::StreamShard> out;
    for (const auto& [shard, records] : stream_.records)
      out.push_back({shard, stream_.parents[shard]});
    return out;
  }
  Result<std::string> Open(const std::string& shard, const client::ReadFrom& from) override {
    const size_t next = from.kind == client::ReadFrom::Kind::kAfter
                            ? std::stoul(from.sequence_number) - 1'000'000 + 1
                            : 0;
    return shard + ":" + std::to_string(next);
  }
  Result<client::StreamPage> Read(const std::string& iterator) override {
    const std::string shard = iterator.substr(0, iterator.find(':'));
    size_t next = std::stoul(iterator.substr(iterator.find(':') + 1));
    std::lock_guard lock(stream_.mu);
    const auto& records = stream_.records[shard];
    auto memory = std::make_shared<std::string>();
    std::vector<std::pair<size_t, size_t>> places;
    for (int i = 0; i < 7 && next < records.size(); ++i, ++next) {
      places.emplace_back(memory->size(), records[next].size());
      *memory += records[next] + Number(next);
    }
    client::StreamPage page;
    page.memory = memory;
    for (auto [begin, size] : places) {
      const std::string_view text = *memory;
      page.records.push_back({text.substr(begin, size), "key", text.substr(begin + size, 7), 5});
    }
    if (next < records.size() || !stream_.closed.contains(shard))
      page.next_iterator = shard + ":" + std::to_string(next);
    return page;
  }

 private:
  FakeStream& stream_;
};

// Keeps everything it gets, in the order that it came.
struct Landed {
  std::mutex mu;
  std::vector<std::string> records;
  std::atomic<int> failures{0};  // tries that fail from now on
  std::set<std::string> Set() {
    std::lock_guard lock(mu);
    return {records.begin(), records.end()};
  }
};
class LandingSink final : public Sink {
 public:
  explicit LandingSink(Landed& landed) : landed_(landed) {}
  Delivery Deliver(const Parcel& parcel) override {
    if (landed_.failures.fetch_sub(1) > 0)
      return {.verdict = Delivery::Verdict::kRetry, .code = "Down"};
    std::lock_guard lock(landed_.mu);
    for (const Record& record : parcel.records) landed_.records.emplace_back(record.data);
    return {};
  }
  Status Probe() override { return OkStatus(); }
  void Stop() override {}
  size_t parallel_max() const override { return 1; }

 private:
  Landed& landed_;
};

class Crew {
 public:
  std::unique_ptr<Pipeline> NewPipeline() {
    PipelineParts parts;
    parts.destination_options.buffers = buffers;
    parts.destination_parcels = MakeRecordParcels();
    parts.destination = std::make_unique<LandingSink>(landed);
    parts.error_parcels = MakeRecordParcels();
    parts.error_output = std::make_unique<LandingSink>(errors);
    parts.make_processors = [] { return std::vector<std::unique_ptr<Processor>>(); };
    return std::make_unique<Pipeline>(std::move(parts), SystemClock());
  }
  std::unique_ptr<Worker> NewWorker(const std::string& name, Pipeline& pipeline) {
    WorkerOptions options{.name = name,
                          .table = "t",
                          .start = {},
                          .lease_time = milliseconds(600),
                          .tick_time = milliseconds(50)};
    return std::make_unique<Worker>(
        options, cursors, [this] { return std::make_unique<FakeReader>(stream); }, pipeline,
        SystemClock());
  }
  void Fill(const std::string& shard, size_t count) {
    std::lock_guard lock(stream.mu);
    auto& records = stream.records[shard];
    for (size_t i = 0; i < count; ++i) {
      records.push_back(shard + "/" + std::to_string(records.size()));
      all.insert(records.back());
    }
  }
  bool Eventually(const std::function<bool()>& is_so) {
    for (int i = 0; i < 400; ++i) {
      if (is_so()) return true;
      std::this_thread::sleep_for(milliseconds(25));
    }
    return false;
  }

  BufferLimits buffers;
  FakeStream stream;
  FakeCursors cursors;
  Landed landed;
  Landed errors;
  std::set<std::string> all;
};

TEST(Worker, DeliversEveryShardAndWritesPositionsDown) {
  Crew crew;
  crew.Fill("a", 30);
  crew.Fill("b", 3);
  auto pipeline = crew.NewPipeline();
  auto worker = crew.NewWorker("w1", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
  worker->Stop(seconds(5));
  EXPECT_EQ(crew.cursors.Row("a").position, Number(29));
  EXPECT_EQ(crew.cursors.Row("b").position, Number(2));
  EXPECT_EQ(crew.cursors.Row("a").owner, "");
  EXPECT_EQ(crew.landed.records.size(), 33U);
}

TEST(Worker, GoesOnWhereAnotherStopped) {
  Crew crew;
  crew.Fill("a", 30);
  auto pipeline = crew.NewPipeline();
  crew.NewWorker("w1", *pipeline)->Stop(seconds(5));
  {
    auto first = crew.NewWorker("w1", *pipeline);
    EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
    first->Stop(seconds(5));
  }
  crew.Fill("a", 10);
  auto second = crew.NewWorker("w2", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
  second->Stop(seconds(5));
  EXPECT_EQ(crew.landed.records.size(), 40U);  // nothing twice
}

TEST(Worker, ADestinationThatIsDownHoldsThePositionBack) {
  Crew crew;
  crew.Fill("a", 30);
  crew.landed.failures = 1'000'000;
  {
    auto pipeline = crew.NewPipeline();
    auto worker = crew.NewWorker("w1", *pipeline);
    EXPECT_TRUE(crew.Eventually([&] { return crew.landed.failures < 1'000'000; }));
    worker->Stop(milliseconds(10));
  }
  EXPECT_EQ(crew.cursors.Row("a").position, "");
  crew.landed.failures = 0;
  auto pipeline = crew.NewPipeline();
  auto worker = crew.NewWorker("w2", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
}

TEST(Worker, StopsWhileTheBuffersAreFullAndNobodyEmptiesThem) {
  Crew crew;
  crew.buffers.memory_bytes_max = 100;
  crew.buffers.spill_bytes_max = 0;
  crew.Fill("a", 2'000);
  crew.landed.failures = 1'000'000;
  auto pipeline = crew.NewPipeline();
  auto worker = crew.NewWorker("w1", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.failures < 1'000'000; }));
  worker->Stop(milliseconds(10));
  EXPECT_EQ(crew.cursors.Row("a").position, "");
}

TEST(Worker, ADeadWorkersShardsAreTakenAndNoneIsLost) {
  Crew crew;
  for (const char* shard : {"a", "b", "c", "d"}) crew.Fill(shard, 20);
  // A worker that is gone without a word.
  for (const char* shard : {"a", "b", "c", "d"})
    ASSERT_TRUE(
        crew.cursors.CompareAndSet("t", shard, Lease{"dead", 7, Number(4), false}.ToText(), 0)
            .ok());
  auto pipeline = crew.NewPipeline();
  auto worker = crew.NewWorker("w1", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set().size() == 60; }));
  EXPECT_FALSE(crew.landed.Set().contains("a/4"));
  EXPECT_TRUE(crew.landed.Set().contains("a/5"));
}

TEST(Worker, TwoShareTheShards) {
  Crew crew;
  for (const char* shard : {"a", "b", "c", "d"}) crew.Fill(shard, 5);
  auto one = crew.NewPipeline();
  auto two = crew.NewPipeline();
  auto first = crew.NewWorker("w1", *one);
  EXPECT_TRUE(crew.Eventually([&] { return first->Shards().size() == 4; }));
  auto second = crew.NewWorker("w2", *two);
  EXPECT_TRUE(
      crew.Eventually([&] { return first->Shards().size() == 2 && second->Shards().size() == 2; }));
  for (const char* shard : {"a", "b", "c", "d"}) crew.Fill(shard, 5);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
}

TEST(Worker, ReadsChildrenAfterTheirParents) {
  Crew crew;
  crew.Fill("parent", 20);
  crew.Fill("child", 5);
  crew.stream.parents["child"] = {"parent"};
  auto pipeline = crew.NewPipeline();
  auto worker = crew.NewWorker("w1", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set().size() == 20; }));
  {
    std::lock_guard lock(crew.stream.mu);
    crew.stream.closed.insert("parent");
  }
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
  EXPECT_TRUE(crew.cursors.Row("parent").is_complete);
}

TEST(Worker, WithoutTheTableStopsReadingAfterTheLeaseTime) {
  Crew crew;
  crew.Fill("a", 5);
  auto pipeline = crew.NewPipeline();
  auto worker = crew.NewWorker("w1", *pipeline);
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
  crew.cursors.is_away = true;
  EXPECT_TRUE(crew.Eventually([&] { return worker->Shards().empty(); }));
  EXPECT_NE(worker->error(), "");
  crew.Fill("a", 5);
  crew.cursors.is_away = false;
  EXPECT_TRUE(crew.Eventually([&] { return crew.landed.Set() == crew.all; }));
}

}  // namespace
}  // namespace millrace::delivery
