#pragma once

#include <string>
#include <vector>

namespace millrace::cli {

// Seconds of CPU, user and system, that these processes have used (/proc/<pid>/stat); 0 for one
// that is gone.
double CpuSeconds(const std::vector<int>& pids);
// Resident bytes of these processes.
double ResidentBytes(const std::vector<int>& pids);
// Processes whose name begins so, for `millrace bench` beside `millrace up`.
std::vector<int> FindProcesses(const std::string& name);

}  // namespace millrace::cli
