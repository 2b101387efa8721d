#include "common/metrics/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <mutex>

#include "common/base/check.h"

namespace millrace::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

// One time series. The library's own cells take a mutex in every observation; these are atomics,
// each on a cache line of its own, and only rendering goes through the library.
class Cell {
 public:
  virtual ~Cell() = default;
  virtual void CollectInto(ClientMetric& metric) const = 0;
};

class alignas(64) CounterCell final : public Counter, public Cell {
 public:
  static constexpr MetricType kType = MetricType::Counter;
  void Add(double by) override { value_.fetch_add(by, std::memory_order_relaxed); }
  double Value() const override { return value_.load(std::memory_order_relaxed); }
  void CollectInto(ClientMetric& metric) const override { metric.counter.value = Value(); }

 private:
  std::atomic<double> value_ = 0;
};

class alignas(64) GaugeCell final : public Gauge, public Cell {
 public:
  static constexpr MetricType kType = MetricType::Gauge;
  void Set(double value) override { value_.store(value, std::memory_order_relaxed); }
  void Add(double by) override { value_.fetch_add(by, std::memory_order_relaxed); }
  void CollectInto(ClientMetric& metric) const override {
    metric.gauge.value = value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<double> value_ = 0;
};

class alignas(64) HistogramCell final : public Histogram, public Cell {
 public:
  static constexpr MetricType kType = MetricType::Histogram;
  explicit HistogramCell(const std::vector<double>& bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {
    CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
  }

  void Observe(double value) override {
    auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    counts_[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  void CollectInto(ClientMetric& metric) const override {
    ClientMetric::Histogram& out = metric.histogram;
    for (size_t i = 0; i < counts_.size(); ++i) {
      out.sample_count += counts_[i].load(std::memory_order_relaxed);
      if (i < bounds_.size()) out.bucket.push_back({out.sample_count, bounds_[i]});
    }
    out.sample_sum = sum_.load(std::memory_order_relaxed);
  }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<uint64_t>> counts_;  // the last one is +Inf
  std::atomic<double> sum_ = 0;
};

struct Family {
  std::string help;
  MetricType type;
  std::map<Labels, std::unique_ptr<Cell>> cells;
};

}  // namespace

struct Registry::Impl {
  // The cell of `name` and `labels`, made from `args` where it is missing.
  template <typename T, typename... Args>
  T& Get(const std::string& name, const std::string& help, const Labels& labels,
         const Args&... args) {
    std::lock_guard lock(mu);
    auto [family, fresh] = families.try_emplace(name, Family{help, T::kType, {}});
    if (fresh) CHECK(prometheus::CheckMetricName(name));
    CHECK(family->second.type == T::kType);
    std::unique_ptr<Cell>& cell = family->second.cells[labels];
    if (cell == nullptr) {
      for (const auto& label : labels) CHECK(prometheus::CheckLabelName(label.first));
      cell = std::make_unique<T>(args...);
    }
    return static_cast<T&>(*cell);
  }

  mutable std::mutex mu;
  std::map<std::string, Family> families;  // guarded by mu
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::GetCounter(const std::string& name, const std::string& help,
                              const Labels& labels) {
  return impl_->Get<CounterCell>(name, help, labels);
}

Gauge& Registry::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  return impl_->Get<GaugeCell>(name, help, labels);
}

Histogram& Registry::GetHistogram(const std::string& name, const std::string& help,
                                  const Labels& labels, const std::vector<double>& buckets) {
  return impl_->Get<HistogramCell>(name, help, labels, buckets);
}

void Registry::Remove(const std::string& name, const Labels& labels) {
  std::lock_guard lock(impl_->mu);
  const auto family = impl_->families.find(name);
  if (family != impl_->families.end()) family->second.cells.erase(labels);
}

std::string Registry::Render() const {
  std::vector<prometheus::MetricFamily> collected;
  {
    std::lock_guard lock(impl_->mu);
    for (const auto& [name, family] : impl_->families) {
      if (family.cells.empty()) continue;
      prometheus::MetricFamily& out = collected.emplace_back();
      out.name = name;
      out.help = family.help;
      out.type = family.type;
      out.metric.reserve(family.cells.size());
      for (const auto& [labels, cell] : family.cells) {
        ClientMetric& metric = out.metric.emplace_back();
        for (const auto& [key, value] : labels) metric.label.push_back({key, value});
        cell->CollectInto(metric);
      }
    }
  }
  return prometheus::TextSerializer().Serialize(collected);
}

const std::vector<double>& LatencyBuckets() {
  static const auto* const buckets =
      new std::vector<double>{0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                              0.05,    0.1,    0.25,    0.5,    1,     2.5,    5,     10};
  return *buckets;
}

}  // namespace millrace::metrics
