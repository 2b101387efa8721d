#pragma once

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "common/base/clock.h"
#include "common/resources/resource.h"

namespace millrace::op {

// kChange: something has just changed, and somebody may wait for it. kBacklog: what is looked at
// all at once, after a start or as a safety net, most of it with nothing to do.
enum class Priority { kChange, kBacklog };

// Of one moment, in keys.
struct QueueFigures {
  size_t waiting = 0;  // for their turn, or for a time that was set
  size_t failing = 0;  // failed when they were worked on last
  size_t stuck = 0;    // have failed each time, or been with a worker, for kStuckAfter
};

// Keys to reconcile, each at most once, handed out when due: by priority, and within one in the
// order of when they were due. A key that is added while a worker has it comes back after that, so
// one key is never worked on twice at once. A backlog under steady changes still gets its share:
// one key after kChangesInARow of the others. Any thread; Stop wakes those who wait.
class WorkQueue {
 public:
  static constexpr int kChangesInARow = 8;
  // What fails for so long does not mend itself: somebody has to look.
  static constexpr Duration kStuckAfter = std::chrono::minutes(5);
  // What a worker has, with the priority to go on with it.
  struct Taken {
    resources::ResourceKey key;
    Priority priority;
    bool operator==(const Taken&) const = default;
  };

  explicit WorkQueue(Clock& clock) : clock_(clock) {}

  void Add(const resources::ResourceKey& key, Priority priority = Priority::kChange) {
    AddAfter(key, Duration::zero(), priority);
  }
  // An earlier time already asked for stands, and so does a change.
  void AddAfter(const resources::ResourceKey& key, Duration delay,
                Priority priority = Priority::kChange);
  // After a failure: 5 ms, doubled with every failure in a row up to 30 s, without end.
  void AddWithBackoff(const resources::ResourceKey& key, Priority priority = Priority::kChange);
  // Ends the row of failures.
  void Forget(const resources::ResourceKey& key);

  // Blocks until a key is due; nothing after Stop.
  std::optional<Taken> Take();
  void Done(const resources::ResourceKey& key);
  void Stop();
  size_t depth() const;
  QueueFigures figures() const;

 private:
  static constexpr Duration kBackoffFirst = std::chrono::milliseconds(5);
  static constexpr Duration kBackoffMost = std::chrono::seconds(30);
  struct Due {
    MonoTime at{};
    Priority priority = Priority::kBacklog;
  };
  struct Failing {
    int row = 0;       // failures without a success between them
    MonoTime since{};  // of the first
  };
  // Keys stand in due_, whose nodes stay where they are.
  using Order = std::set<std::pair<MonoTime, const resources::ResourceKey*>>;

  // All with mu_ held.
  Order& OrderOf(const Due& due) { return orders_[static_cast<size_t>(due.priority)]; }
  std::optional<Taken> TakeDue(MonoTime now);
  std::optional<MonoTime> NextDue() const;

  Clock& clock_;
  mutable std::mutex mu_;
  std::condition_variable changed_;
  // Guarded by mu_.
  bool stopped_ = false;
  std::map<resources::ResourceKey, Due> due_;
  std::array<Order, 2> orders_;  // by priority; of due_ those that no worker has
  std::map<resources::ResourceKey, MonoTime> taken_;  // and when
  std::map<resources::ResourceKey, Failing> failures_;
  int changes_in_a_row_ = 0;  // while a backlog was due
};

}  // namespace millrace::op
