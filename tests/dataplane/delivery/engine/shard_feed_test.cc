#include "dataplane/delivery/engine/shard_feed.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace millrace::delivery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// As many batches as may be on their way, and one more.
constexpr size_t kPages = 10'001;

std::string Number(size_t n) { return std::to_string(1'000'000 + n); }

struct Reads {
  std::atomic<size_t> opened{0};
  std::atomic<size_t> pages{0};
};

// A shard that is closed, with a record a page.
class ClosedShard final : public client::StreamReader {
 public:
  explicit ClosedShard(Reads& reads) : reads_(reads) {}
  Result<std::vector<client::StreamShard>> ListShards() override {
    return std::vector<client::StreamShard>{{"a", {}}};
  }
  Result<std::string> Open(const std::string&, const client::ReadFrom& from) override {
    ++reads_.opened;
    return std::to_string(
        from.sequence_number.empty() ? 0 : std::stoul(from.sequence_number) - 1'000'000 + 1);
  }
  Result<client::StreamPage> Read(const std::string& iterator) override {
    const size_t number = std::stoul(iterator);
    auto memory = std::make_shared<std::string>(Number(number));
    client::StreamPage page;
    page.memory = memory;
    page.records.push_back({*memory, "key", *memory, 5});
    if (number + 1 < kPages) page.next_iterator = std::to_string(number + 1);
    ++reads_.pages;
    return page;
  }

 private:
  Reads& reads_;
};

// What every parcel is answered; until it is known they wait.
class Answer {
 public:
  void Set(Delivery::Verdict verdict) {
    std::lock_guard lock(mu_);
    verdict_ = verdict;
    changed_.notify_all();
  }
  Delivery::Verdict Await() {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [this] { return verdict_.has_value(); });
    return *verdict_;
  }
  std::atomic<size_t> delivered{0};

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::optional<Delivery::Verdict> verdict_;
};
class AnsweringSink final : public Sink {
 public:
  explicit AnsweringSink(Answer& answer) : answer_(answer) {}
  Delivery Deliver(const Parcel& parcel) override {
    const Delivery::Verdict verdict = answer_.Await();
    if (verdict == Delivery::Verdict::kDelivered) answer_.delivered += parcel.records.size();
    return {.verdict = verdict, .code = "Test"};
  }
  Status Probe() override { return OkStatus(); }
  void Stop() override { answer_.Set(Delivery::Verdict::kRetry); }
  size_t parallel_max() const override { return 1; }

 private:
  Answer& answer_;
};

std::unique_ptr<Pipeline> NewPipeline(Answer& answer) {
  PipelineParts parts;
  parts.destination_parcels = MakeRecordParcels();
  parts.destination = std::make_unique<AnsweringSink>(answer);
  parts.error_parcels = MakeRecordParcels();
  parts.error_output = std::make_unique<AnsweringSink>(answer);
  parts.make_processors = [] { return std::vector<std::unique_ptr<Processor>>(); };
  return std::make_unique<Pipeline>(std::move(parts), SystemClock());
}

bool Eventually(const std::function<bool()>& is_so) {
  for (int i = 0; i < 2'000; ++i) {
    if (is_so()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

TEST(ShardFeed, StoppedBeforeItsLastBatchIsHandedOnIsNotComplete) {
  Reads reads;
  Answer answer;
  auto pipeline = NewPipeline(answer);
  ShardFeed feed("a", "", {}, std::make_unique<ClosedShard>(reads), *pipeline, SystemClock());
  ASSERT_TRUE(Eventually([&] { return reads.pages == kPages; }));
  feed.Stop();
  answer.Set(Delivery::Verdict::kDelivered);
  ASSERT_TRUE(pipeline->Drain(seconds(20)));
  EXPECT_EQ(answer.delivered, kPages - 1);
  EXPECT_FALSE(feed.is_complete());
  EXPECT_EQ(feed.position(), Number(kPages - 2));
}

TEST(ShardFeed, ReadsAgainWhatWasGivenUpWhileItWaitedForRoom) {
  Reads reads;
  Answer answer;
  auto pipeline = NewPipeline(answer);
  ShardFeed feed("a", "", {}, std::make_unique<ClosedShard>(reads), *pipeline, SystemClock());
  ASSERT_TRUE(Eventually([&] { return reads.pages == kPages; }));
  // The error output refuses it as well: nobody has it now but the source.
  answer.Set(Delivery::Verdict::kRefused);
  EXPECT_TRUE(Eventually([&] { return reads.opened > 1; }));
}

}  // namespace
}  // namespace millrace::delivery
