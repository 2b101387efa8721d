#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "operator/runtime/workload.h"

namespace millrace::op {

// Runs workloads as child processes: one that ends is started again, after 100 ms first and up to
// 10 s when it keeps ending. Children end with us (PR_SET_PDEATHSIG), also when we are killed. One
// thread a workload waits for its child. Owned by main; safe on any thread.
class ProcessRuntime final : public Runtime {
 public:
  explicit ProcessRuntime(Duration stop_grace = std::chrono::seconds(10));
  ~ProcessRuntime() override;
  Status Apply(const Workload& workload) override;
  void Remove(const std::string& name) override;
  WorkloadState Observe(const std::string& name) const override;
  void StopAll() override;
  // Those whose names begin so, all at once; StopAll stops everything so.
  void StopGroup(std::string_view prefix);

 private:
  struct Child;
  void Supervise(Child& child);
  Result<int> Spawn(const Workload& workload);
  void StopChild(Child& child);

  const Duration stop_grace_;
  mutable std::mutex mu_;
  std::map<std::string, std::unique_ptr<Child>> children_;
};

}  // namespace millrace::op
