#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::metrics {

using Labels = std::map<std::string, std::string>;

// Handles to one time series each. Add/Set/Observe are lock-free or nearly so; any thread. Valid as
// long as the Registry.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double by = 1) = 0;
  virtual double Value() const = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double by) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// Latency buckets in seconds, 50 us to 10 s.
const std::vector<double>& LatencyBuckets();

// All series of this process; one per process, made in main and passed down. Names are
// millrace_<module>_<noun>_<unit>. Asking twice for the same name and labels gives the same handle.
class Registry {
 public:
  Registry();
  ~Registry();
  Counter& GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram& GetHistogram(const std::string& name, const std::string& help,
                          const Labels& labels = {},
                          const std::vector<double>& buckets = LatencyBuckets());
  // Forgets the series of `name` with just `labels`, if it is there; its handle dies.
  void Remove(const std::string& name, const Labels& labels);
  // Prometheus text format 0.0.4.
  std::string Render() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::metrics
