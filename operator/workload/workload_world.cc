#include "operator/workload/workload_world.h"

#include <algorithm>
#include <charconv>

namespace millrace::op {

const ObservedPod* WorkloadInput::FindPod(const std::string& name) const {
  auto it = std::find_if(pods.begin(), pods.end(), [&](const auto& p) { return p.name == name; });
  return it == pods.end() ? nullptr : &*it;
}

const ObservedClaim* WorkloadInput::FindClaim(const std::string& name) const {
  auto it =
      std::find_if(claims.begin(), claims.end(), [&](const auto& c) { return c.name == name; });
  return it == claims.end() ? nullptr : &*it;
}

std::string MemberName(const std::string& workload, int ordinal) {
  return workload + "-" + std::to_string(ordinal);
}

int OrdinalOf(const std::string& workload, const std::string& pod) {
  if (pod.size() <= workload.size() + 1 || !pod.starts_with(workload + "-")) return -1;
  int ordinal = -1;
  const char* end = pod.data() + pod.size();
  auto [stop, error] = std::from_chars(pod.data() + workload.size() + 1, end, ordinal);
  const bool is_number = error == std::errc() && stop == end;
  return is_number && MemberName(workload, ordinal) == pod ? ordinal : -1;
}

std::string ClaimName(const std::string& pod) { return "data-" + pod; }

}  // namespace millrace::op
