#include "common/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace millrace::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, SameNameAndLabelsGiveTheSameHandle) {
  Registry registry;
  Counter& first = registry.GetCounter("millrace_test_things_total", "Things.", {{"stream", "a"}});
  Counter& second = registry.GetCounter("millrace_test_things_total", "Things.", {{"stream", "a"}});
  Counter& other = registry.GetCounter("millrace_test_things_total", "Things.", {{"stream", "b"}});
  EXPECT_EQ(&first, &second);
  EXPECT_NE(&first, &other);
}

TEST(Metrics, RendersThePrometheusTextFormat) {
  Registry registry;
  registry.GetCounter("millrace_test_things_total", "Things.", {{"stream", "a\"b"}}).Add(3);
  registry.GetGauge("millrace_test_depth_count", "Depth.").Set(-2.5);
  registry.GetGauge("millrace_test_depth_count", "Depth.").Add(1);
  EXPECT_EQ(registry.Render(),
            "# HELP millrace_test_depth_count Depth.\n"
            "# TYPE millrace_test_depth_count gauge\n"
            "millrace_test_depth_count -1.5\n"
            "# HELP millrace_test_things_total Things.\n"
            "# TYPE millrace_test_things_total counter\n"
            "millrace_test_things_total{stream=\"a\\\"b\"} 3\n");
}

TEST(Metrics, HistogramBucketsAreCumulativeAndTakeTheirBound) {
  Registry registry;
  Histogram& histogram =
      registry.GetHistogram("millrace_test_wait_seconds", "Wait.", {}, {0.5, 1, 2});
  for (double value : {0.1, 0.5, 0.75, 2.0, 100.0}) histogram.Observe(value);
  const std::string text = registry.Render();
  EXPECT_THAT(text, HasSubstr("millrace_test_wait_seconds_bucket{le=\"0.5\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("millrace_test_wait_seconds_bucket{le=\"1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("millrace_test_wait_seconds_bucket{le=\"2\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("millrace_test_wait_seconds_bucket{le=\"+Inf\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("millrace_test_wait_seconds_count 5\n"));
}

TEST(Metrics, RemoveForgetsTheSeriesWithJustTheLabels) {
  Registry registry;
  for (const char* shard : {"0", "1"}) {
    registry.GetCounter("millrace_test_x_total", "X.", {{"shard", shard}, {"stream", "a"}}).Add();
  }
  registry.Remove("millrace_test_x_total", {{"stream", "a"}});
  registry.Remove("millrace_test_absent_total", {});
  EXPECT_THAT(registry.Render(), HasSubstr("shard=\"0\",stream=\"a\""));
  registry.Remove("millrace_test_x_total", {{"shard", "0"}, {"stream", "a"}});
  EXPECT_THAT(registry.Render(), Not(HasSubstr("shard=\"0\"")));
  EXPECT_THAT(registry.Render(), HasSubstr("shard=\"1\",stream=\"a\""));
  registry.Remove("millrace_test_x_total", {{"shard", "1"}, {"stream", "a"}});
  EXPECT_EQ(registry.Render(), "");
}

TEST(Metrics, AddsFromManyThreadsAllCount) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&registry] {
      Counter& counter = registry.GetCounter("millrace_test_x_total", "X.");
      Histogram& histogram = registry.GetHistogram("millrace_test_y_seconds", "Y.");
      for (int j = 0; j < 10'000; ++j) {
        counter.Add();
        histogram.Observe(0.001);
        if (j % 1000 == 0) {
          EXPECT_FALSE(registry.Render().empty());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(registry.GetCounter("millrace_test_x_total", "X.").Value(), 40'000);
  EXPECT_THAT(registry.Render(), HasSubstr("millrace_test_y_seconds_count 40000\n"));
}

TEST(MetricsDeathTest, AsAnotherTypeOrUnderABadNameAborts) {
  Registry registry;
  registry.GetCounter("millrace_test_x_total", "X.");
  EXPECT_DEATH(registry.GetGauge("millrace_test_x_total", "X."), "type");
  EXPECT_DEATH(registry.GetGauge("millrace test", "X."), "CheckMetricName");
}

}  // namespace
}  // namespace millrace::metrics
