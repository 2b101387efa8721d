#include "cli/bench/cpu_usage.h"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace millrace::cli {
namespace {

// The fields of /proc/<pid>/stat behind the command's name, from the state on.
std::vector<std::string> StatFields(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(in, line);
  size_t name_end = line.rfind(')');
  std::vector<std::string> fields;
  if (name_end == std::string::npos) return fields;
  std::istringstream rest(line.substr(name_end + 2));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}

}  // namespace

double CpuSeconds(const std::vector<int>& pids) {
  double ticks = 0;
  for (int pid : pids) {
    std::vector<std::string> fields = StatFields(pid);
    if (fields.size() > 12) ticks += std::stod(fields[11]) + std::stod(fields[12]);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ResidentBytes(const std::vector<int>& pids) {
  double pages = 0;
  for (int pid : pids) {
    std::vector<std::string> fields = StatFields(pid);
    if (fields.size() > 21) pages += std::stod(fields[21]);
  }
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

std::vector<int> FindProcesses(const std::string& name) {
  std::vector<int> pids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    std::string file = entry.path().filename();
    int pid = 0;
    auto parsed = std::from_chars(file.data(), file.data() + file.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != file.data() + file.size()) continue;
    std::ifstream in(entry.path() / "comm");
    std::string comm;
    std::getline(in, comm);
    if (comm.starts_with(name)) pids.push_back(pid);
  }
  return pids;
}

}  // namespace millrace::cli
