#include "common/resources/watch_hub.h"

#include <pthread.h>

#include <algorithm>

namespace millrace::resources {

class WatchHub::Handle final : public WatchHandle {
 public:
  Handle(std::shared_ptr<State> state, std::shared_ptr<Watcher> watcher)
      : state_(std::move(state)), watcher_(std::move(watcher)) {}

  ~Handle() override {
    std::unique_lock lock(state_->mu);
    watcher_->is_closed = true;
    std::erase(state_->watchers, watcher_);
    // A callback that drops its own handle cannot wait for itself.
    if (std::this_thread::get_id() == state_->thread) return;
    state_->changed.wait(lock, [this] { return state_->running != watcher_.get(); });
  }

 private:
  const std::shared_ptr<State> state_;
  const std::shared_ptr<Watcher> watcher_;
};

WatchHub::WatchHub() : state_(std::make_shared<State>()), thread_([this] { Dispatch(*state_); }) {
  std::lock_guard lock(state_->mu);
  state_->thread = thread_.get_id();
}

WatchHub::~WatchHub() {
  {
    std::lock_guard lock(state_->mu);
    state_->is_stopping = true;
    state_->changed.notify_all();
  }
  thread_.join();
  std::lock_guard lock(state_->mu);
  state_->queue.clear();
}

std::unique_ptr<WatchHandle> WatchHub::Watch(std::string_view kind, std::vector<Shared> existing,
                                             Callback callback) {
  auto watcher = std::make_shared<Watcher>(Watcher{std::string(kind), std::move(callback)});
  std::lock_guard lock(state_->mu);
  state_->watchers.push_back(watcher);
  for (Shared& resource : existing) {
    state_->queue.push_back({watcher, WatchEvent::kAdded, std::move(resource)});
  }
  state_->changed.notify_all();
  return std::make_unique<Handle>(state_, std::move(watcher));
}

void WatchHub::Publish(WatchEvent event, Shared resource) {
  std::lock_guard lock(state_->mu);
  for (const auto& watcher : state_->watchers) {
    if (watcher->kind == resource->kind) state_->queue.push_back({watcher, event, resource});
  }
  state_->changed.notify_all();
}

size_t WatchHub::pending() const {
  std::lock_guard lock(state_->mu);
  return state_->queue.size();
}

void WatchHub::Dispatch(State& state) {
  pthread_setname_np(pthread_self(), "resource-watch");
  std::unique_lock lock(state.mu);
  while (true) {
    state.changed.wait(lock, [&] { return state.is_stopping || !state.queue.empty(); });
    if (state.is_stopping) return;
    const Delivery next = std::move(state.queue.front());
    state.queue.pop_front();
    if (next.to->is_closed) continue;
    state.running = next.to.get();
    lock.unlock();
    next.to->callback(next.event, *next.resource);
    lock.lock();
    state.running = nullptr;
    state.changed.notify_all();
  }
}

}  // namespace millrace::resources
