#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/status.h"

namespace millrace::op {

// One replica of a component to run, whatever makes it real: a child process here, a pod in a
// cluster. The same arguments mean the same revision; other ones mean a restart.
struct Workload {
  std::string name;     // "shard-0"
  std::string program;  // path of the binary
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;  // added to ours
  std::string log_path;                            // "" : our own standard error
  // Listening sockets that it gets as descriptors 3, 4, …: the caller keeps them open, so that
  // clients wait in their queues while it restarts.
  std::vector<int> sockets{};
};

struct WorkloadState {
  bool running = false;
  int pid = 0;
  int restarts = 0;
  std::string last_exit;  // "exited with 3", "killed by signal 9", "" before the first
};

// Makes workloads real. Level-triggered: Apply what should be there as often as you like.
class Runtime {
 public:
  virtual ~Runtime() = default;
  // Returns once it was started or was running as asked for.
  virtual Status Apply(const Workload& workload) = 0;
  // Asks it to stop, waits, then insists. Nothing where it does not run.
  virtual void Remove(const std::string& name) = 0;
  virtual WorkloadState Observe(const std::string& name) const = 0;
  // Asks all to stop, waits, then insists.
  virtual void StopAll() = 0;
};

}  // namespace millrace::op
