#include "operator/engine/controller.h"

#include "common/log/log.h"

namespace millrace::op {

Controller::Controller(std::string name, size_t workers, Clock& clock, Reconcile reconcile,
                       metrics::Histogram* seconds)
    : name_(std::move(name)),
      clock_(clock),
      reconcile_(std::move(reconcile)),
      seconds_(seconds),
      queue_(clock) {
  for (size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { Work(); });
}

void Controller::Stop() {
  queue_.Stop();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Outcome Controller::Run(const resources::ResourceKey& key) const {
  const MonoTime began = clock_.Now();
  Outcome outcome = reconcile_(key);
  if (seconds_ != nullptr)
    seconds_->Observe(std::chrono::duration<double>(clock_.Now() - began).count());
  return outcome;
}

void Controller::Work() {
  while (auto taken = queue_.Take()) {
    const auto& [key, priority] = *taken;
    const Outcome outcome = Run(key);
    // A lost compare-and-set is how two writers meet, not a failure anyone should read about.
    if (!outcome.error().ok()) {
      if (outcome.error().code() != Code::kConflict) {
        log::Warning("reconcile failed", {{"controller", name_},
                                          {"resource", key.ToString()},
                                          {"error", outcome.error().ToString()}});
      }
      queue_.AddWithBackoff(key, priority);
    } else {
      queue_.Forget(key);
      if (outcome.after()) queue_.AddAfter(key, *outcome.after(), priority);
    }
    queue_.Done(key);
    ++reconciles_;
  }
}

}  // namespace millrace::op
