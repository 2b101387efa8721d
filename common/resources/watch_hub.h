#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/resources/store.h"

namespace millrace::resources {

// Tells watchers of changes, in order, on one thread of its own, so that a store never calls out
// with a lock held. Any thread may publish, watch and stop watching; callbacks may do so too. Owned
// by a store; handles may outlive it and then hear nothing more.
class WatchHub {
 public:
  using Callback = std::function<void(WatchEvent, const Resource&)>;
  using Shared = std::shared_ptr<const Resource>;

  WatchHub();
  // Waits for the callback that is running; the rest is dropped.
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;

  // `existing` is told first, as kAdded. The caller makes sure that nothing is published between
  // its look at what exists and this call.
  std::unique_ptr<WatchHandle> Watch(std::string_view kind, std::vector<Shared> existing,
                                     Callback callback);
  void Publish(WatchEvent event, Shared resource);
  // Events that wait for their callback: the depth that kPendingMax bounds.
  size_t pending() const;
  // Past this a store refuses changes until its watchers have caught up.
  static constexpr size_t kPendingMax = 100'000;

 private:
  struct Watcher {
    std::string kind;
    Callback callback;
    bool is_closed = false;  // guarded by State::mu
  };
  struct Delivery {
    std::shared_ptr<Watcher> to;
    WatchEvent event;
    Shared resource;
  };
  // Shared with the handles, which may be the last ones to go.
  struct State {
    mutable std::mutex mu;
    std::condition_variable changed;
    // Guarded by mu.
    std::vector<std::shared_ptr<Watcher>> watchers;
    std::deque<Delivery> queue;
    const Watcher* running = nullptr;
    bool is_stopping = false;
    std::thread::id thread;
  };
  class Handle;

  static void Dispatch(State& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace millrace::resources
