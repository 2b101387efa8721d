#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/unique_function.h"

namespace millrace {

// Threads for calls that block (a resource store, another process), so that no Executor ever does.
// Jobs start in the order they came; `waiting_max` of them may wait. Owned by a component; Stop (or
// the destructor) lets the jobs that run finish and drops those that wait.
class WorkerPool {
 public:
  WorkerPool(size_t threads, size_t waiting_max, const std::string& name);
  ~WorkerPool() { Stop(); }
  WorkerPool(const WorkerPool&) = delete;
  // False when the queue is full or stopped: the caller pushes back. Any thread.
  [[nodiscard]] bool TrySubmit(UniqueFunction<void()> job);
  void Stop();

 private:
  void Work();

  const size_t waiting_max_;
  std::mutex mu_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::deque<UniqueFunction<void()>> waiting_;
  std::vector<std::thread> threads_;
};

}  // namespace millrace
