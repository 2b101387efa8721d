#include "operator/engine/led_controller.h"

#include <algorithm>

namespace millrace::op {

using resources::ResourceKey;

LedController::LedController(std::string name, size_t workers, Clock& clock,
                             Controller::Reconcile reconcile)
    : name_(std::move(name)), workers_(workers), clock_(clock), reconcile_(std::move(reconcile)) {}

void LedController::Follow(Informer& informer, KeysOf keys_of, Need need) {
  followed_.push_back({&informer, !keys_of, need});
  informer.cache().AddListener(
      [this, &informer, keys_of = std::move(keys_of)](kube::EventType, const json::Value& object) {
        const Priority priority = informer.HasSynced() ? Priority::kChange : Priority::kBacklog;
        if (!keys_of) {
          kube::ObjectName name = kube::NameOf(object);
          return Add({std::move(name.ns), std::move(name.name)}, priority);
        }
        for (const ResourceKey& key : keys_of(object)) Add(key, priority);
      });
}

void LedController::Measure(metrics::Registry& registry) {
  seconds_ = &registry.GetHistogram("millrace_operator_reconcile_seconds",
                                    "How long reconciles take, by work queue.", {{"queue", name_}});
}

void LedController::Watch() {
  if (watching_) return;
  watching_ = true;
  for (const Followed& followed : followed_) followed.informer->Start();
}

void LedController::Start() {
  {
    std::lock_guard lock(mu_);
    if (controller_) return;
    controller_ = std::make_unique<Controller>(
        name_, workers_, clock_, [this](const ResourceKey& key) { return Run(key); }, seconds_);
  }
  Watch();
  for (const Followed& followed : followed_) {
    if (!followed.is_own) continue;
    for (kube::ObjectName& name : followed.informer->cache().Names()) {
      Add({std::move(name.ns), std::move(name.name)}, Priority::kBacklog);
    }
  }
}

void LedController::Stop() {
  for (const Followed& followed : followed_) followed.informer->Stop();
  std::unique_ptr<Controller> controller;
  {
    std::lock_guard lock(mu_);
    controller = std::move(controller_);
  }
  if (controller) controller->Stop();
}

bool LedController::HasSynced() const {
  return std::all_of(followed_.begin(), followed_.end(), [](const Followed& followed) {
    return followed.need == Need::kAdvice || followed.informer->HasSynced();
  });
}

void LedController::Add(const ResourceKey& key, Priority priority) {
  std::lock_guard lock(mu_);
  if (controller_) controller_->Add(key, priority);
}

QueueFigures LedController::figures() const {
  std::lock_guard lock(mu_);
  return controller_ ? controller_->figures() : QueueFigures{};
}

uint64_t LedController::reconciles() const {
  std::lock_guard lock(mu_);
  return controller_ ? controller_->reconciles() : 0;
}

Outcome LedController::Run(const ResourceKey& key) const {
  constexpr Duration kSyncPause = std::chrono::milliseconds(100);
  // Nothing is judged by what has only been read in part.
  return HasSynced() ? reconcile_(key) : Outcome::After(kSyncPause);
}

}  // namespace millrace::op
