#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "operator/engine/informer.h"

namespace millrace::op {

// What every reconciler of this operator stands on: informers that are followed from Watch on, so
// that a standby has its caches filled, and a Controller that exists only between Start and Stop,
// while this process leads. Keys that are added at other times are dropped: Start adds all there
// are. Made in main and owned by the reconciler, whose informers outlive it; Watch, Start and Stop
// on one thread at a time, the rest on any.
class LedController {
 public:
  // The keys to reconcile when `object` came, changed or went. Must not call back into the
  // informer.
  using KeysOf = std::function<std::vector<resources::ResourceKey>(const json::Value& object)>;
  // kAdvice: what is only looked at where it is known; reconciles do not wait for it.
  enum class Need { kAll, kAdvice };

  LedController(std::string name, size_t workers, Clock& clock, Controller::Reconcile reconcile);
  ~LedController() { Stop(); }
  // Before Watch. Without `keys_of` each object's own key, and Start adds that of every object: as
  // a backlog, which is what an informer tells before it is synced, too.
  void Follow(Informer& informer, KeysOf keys_of = {}, Need need = Need::kAll);
  // Fills the caches and does nothing else.
  void Watch();
  // From the next Start on how long reconciles take is told there, under the name of this queue.
  void Measure(metrics::Registry& registry);
  // Begins to act; the first reconciles wait until the caches are filled.
  void Start();
  // No reconcile runs, and no informer tells, after it returned.
  void Stop();

  bool HasSynced() const;
  void Add(const resources::ResourceKey& key, Priority priority = Priority::kChange);
  size_t queue_depth() const { return figures().waiting; }
  QueueFigures figures() const;  // all zero while it does not act
  uint64_t reconciles() const;
  const std::string& name() const { return name_; }

 private:
  struct Followed {
    Informer* informer;
    bool is_own;  // of the kind that is reconciled
    Need need;
  };
  Outcome Run(const resources::ResourceKey& key) const;

  const std::string name_;
  const size_t workers_;
  Clock& clock_;
  const Controller::Reconcile reconcile_;
  std::vector<Followed> followed_;  // constant from Watch on
  bool watching_ = false;
  metrics::Histogram* seconds_ = nullptr;
  mutable std::mutex mu_;
  std::unique_ptr<Controller> controller_;  // guarded by mu_
};

}  // namespace millrace::op
