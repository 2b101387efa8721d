#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/status.h"
#include "common/metrics/metrics.h"
#include "operator/engine/work_queue.h"

namespace millrace::op {

// How a reconcile ends: done until something changes, again after a while, or failed (again with
// back-off).
class Outcome {
 public:
  static Outcome Done() { return Outcome(OkStatus(), std::nullopt); }
  static Outcome After(Duration delay) { return Outcome(OkStatus(), delay); }
  static Outcome Failed(Status error) { return Outcome(std::move(error), std::nullopt); }
  const Status& error() const { return error_; }
  std::optional<Duration> after() const { return after_; }

 private:
  Outcome(Status error, std::optional<Duration> after) : error_(std::move(error)), after_(after) {}
  Status error_;
  std::optional<Duration> after_;
};

// Runs `reconcile` for every key that is added, one worker a key, on `workers` threads of its own.
// What comes after a reconcile of a key has the priority that it had. How long each takes goes to
// `seconds`, if there is one. Made in main; Stop (or the destructor) waits for the reconciles under
// way.
class Controller {
 public:
  using Reconcile = std::function<Outcome(const resources::ResourceKey&)>;
  Controller(std::string name, size_t workers, Clock& clock, Reconcile reconcile,
             metrics::Histogram* seconds = nullptr);
  ~Controller() { Stop(); }
  void Add(const resources::ResourceKey& key, Priority priority = Priority::kChange) {
    queue_.Add(key, priority);
  }
  void Stop();
  size_t queue_depth() const { return queue_.depth(); }
  QueueFigures figures() const { return queue_.figures(); }
  // That have ended so far.
  uint64_t reconciles() const { return reconciles_; }

 private:
  void Work();
  Outcome Run(const resources::ResourceKey& key) const;

  const std::string name_;
  Clock& clock_;
  const Reconcile reconcile_;
  metrics::Histogram* const seconds_;
  WorkQueue queue_;
  std::atomic<uint64_t> reconciles_{0};
  std::vector<std::thread> threads_;
};

}  // namespace millrace::op
