#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include "common/base/check.h"

namespace millrace {

// Counts the work a component has outstanding, so that stopping it can wait for the last of it.
// Every callback, coroutine or thread that uses the component holds a Hold while it does. Owned by
// the component, which calls Stop() before it is destroyed; any thread may enter and leave.
// After Stop() has returned no work is outstanding and none can begin; destroying a group with work
// outstanding is a broken invariant.
class TaskGroup {
 public:
  // One piece of outstanding work, from TryEnter() until it is destroyed. Moves with the work.
  class Hold {
   public:
    Hold(Hold&& other) noexcept : group_(std::exchange(other.group_, nullptr)) {}
    Hold& operator=(Hold&& other) noexcept {
      Hold old(std::move(*this));
      group_ = std::exchange(other.group_, nullptr);
      return *this;
    }
    Hold(const Hold&) = delete;
    ~Hold() {
      if (group_ != nullptr) group_->Leave();
    }

   private:
    friend class TaskGroup;
    explicit Hold(TaskGroup* group) : group_(group) {}
    TaskGroup* group_;
  };

  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  ~TaskGroup() { CHECK(outstanding() == 0); }

  // Nothing once the group is stopping: the caller gives the work up.
  [[nodiscard]] std::optional<Hold> TryEnter() {
    std::lock_guard lock(mu_);
    if (stopping_) return std::nullopt;
    ++outstanding_;
    return Hold(this);
  }

  // Lets nothing in any more; does not wait. The work should see stopping() and end soon.
  void Close() {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }

  // Close(), then waits for all that is inside. Never on a thread that the work needs.
  void Stop() {
    std::unique_lock lock(mu_);
    stopping_ = true;
    idle_.wait(lock, [this] { return outstanding_ == 0; });
  }

  bool stopping() const {
    std::lock_guard lock(mu_);
    return stopping_;
  }
  size_t outstanding() const {
    std::lock_guard lock(mu_);
    return outstanding_;
  }

 private:
  void Leave() {
    // Notified under the lock: once it is free the waiter may destroy this group.
    std::lock_guard lock(mu_);
    CHECK(outstanding_ > 0);
    if (--outstanding_ == 0) idle_.notify_all();
  }

  mutable std::mutex mu_;
  std::condition_variable idle_;
  // Guarded by mu_.
  size_t outstanding_ = 0;
  bool stopping_ = false;
};

}  // namespace millrace
