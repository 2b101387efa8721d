#include "dataplane/placement/stream_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

namespace millrace::shard {
namespace {

using metrics::Registry;
using testing::HasSubstr;
using testing::Not;
using Books = std::vector<std::shared_ptr<StreamMetricsBook>>;

Books OpenMany(StreamMetricsBooks& books, const std::string& prefix, int count) {
  Books open;
  for (int i = 0; i < count; ++i) open.push_back(books.Open(prefix + std::to_string(i)));
  return open;
}

double CpuSecondsOfThread() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Of closing a hundred streams while `others` are there.
double SecondsToClose(int others) {
  Registry registry;
  StreamMetricsBooks books(registry);
  const Books rest = OpenMany(books, "other-", others);
  Books some = OpenMany(books, "stream-", 100);
  const double began = CpuSecondsOfThread();
  some.clear();
  return CpuSecondsOfThread() - began;
}

TEST(StreamMetricsBook, TakesAllItsSeriesWithIt) {
  Registry registry;
  StreamMetricsBooks books(registry);
  const auto other = books.Open("other");
  auto book = books.Open("stream");
  book->Consumer("reader").success->Add();
  const auto shard = [&] { return book->Shard("shardId-0", {"ALL"}); };
  shard().incoming_bytes->Add();
  shard().incoming_bytes->Add();
  EXPECT_THAT(registry.Render(), HasSubstr("{shard=\"shardId-0\",stream=\"stream\"} 2"));
  EXPECT_THAT(registry.Render(), HasSubstr("{consumer=\"reader\",stream=\"stream\"} 1"));
  book = nullptr;
  EXPECT_THAT(registry.Render(), Not(HasSubstr("stream=\"stream\"")));
  EXPECT_THAT(registry.Render(), HasSubstr("stream=\"other\""));
}

// A pod of 10,000 streams once took a minute and a half of CPU to stop, since each stream looked
// for its series among those of all the others: that is a hundred times here, not a few.
TEST(StreamMetricsBook, ClosesAsFastAmongManyAsAmongFew) {
  const double among_few = SecondsToClose(100);
  EXPECT_LT(SecondsToClose(10'000), 20 * among_few);
}

}  // namespace
}  // namespace millrace::shard
