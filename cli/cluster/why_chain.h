#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/cluster/advice.h"
#include "cli/cluster/cluster_view.h"

namespace millrace::cli {

// One sentence of an explanation; the next deeper one says what this one waits for.
struct WhyStep {
  int depth = 0;
  std::string object;  // "streampool/default"
  std::string text;    // "is not ready since 5m: WaitingForPods: 0 of 3 pods are ready"
};

struct WhyAnswer {
  bool is_well = true;
  std::vector<WhyStep> steps;
  std::vector<std::string> advice;  // what to do, nearest to the cause first
};

// The kinds that can be explained, by all the names that people use for them; "" for none.
std::string_view KindByWord(std::string_view word);  // "stream", "streampool", "workload", ...

// Walks from a resource to what it depends on: stream, pool, workload, pods, claims, events, and
// the operator that should act. Pure. NotFound where there is no such object.
Result<WhyAnswer> ExplainWhy(const ClusterView& view, std::string_view kind,
                             const kube::ObjectName& name);
// As a person reads it.
std::string WhyText(const WhyAnswer& answer);
json::Value WhyDocument(const WhyAnswer& answer);

}  // namespace millrace::cli
