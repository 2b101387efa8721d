#include "cli/cluster/drain_pod.h"

#include <optional>
#include <thread>

#include "cli/cluster/cluster_view.h"
#include "cli/cluster/pod_story.h"
#include "common/resources/workload_resource.h"

namespace millrace::cli {

using json::Value;

namespace {

constexpr std::string_view kWorkloadLabel = "millrace.dev/workload";

Status Annotate(kube::Client& client, const kube::ObjectName& pod, Value value) {
  Value patch;
  patch["metadata"]["annotations"].Set(resources::kDrainAnnotation, std::move(value));
  return client.MergePatch(kube::types::Pod(), pod, patch).status();
}

Result<Value> ShardPod(kube::Client& client, const kube::ObjectName& name) {
  Result<Value> pod = client.Get(kube::types::Pod(), name);
  if (pod.status().code() == Code::kNotFound) {
    return NotFound("there is no pod " + name.name + " in namespace " + name.ns +
                    "; `kubectl get pods -A -l millrace.dev/workload` lists those with shards");
  }
  if (pod.ok() && LabelOf(*pod, kWorkloadLabel).empty()) {
    return InvalidArgument("pod " + name.name +
                           " has no shards: it is no pod of a StreamPool (label "
                           "millrace.dev/workload)");
  }
  return pod;
}

bool IsAskedToDrain(const Value& pod) {
  return pod.At("metadata", "annotations")[resources::kDrainAnnotation].AsString() == "true";
}

// Why heads have nowhere to go; OK where another pod can take them.
Status CheckPlaceToGo(kube::Client& client, const Value& pod) {
  const kube::ObjectName name = kube::NameOf(pod);
  kube::ListOptions options;
  options.ns = name.ns;
  options.label_selector = std::string(kWorkloadLabel) + "=" + LabelOf(pod, kWorkloadLabel);
  ASSIGN_OR_RETURN(kube::ListPage pods, client.ListAll(kube::types::Pod(), options));
  std::string others;
  for (const Value& other : pods.items) {
    const std::string& is = kube::NameOf(other).name;
    if (is == name.name) continue;
    const std::optional<Trouble> trouble = PodTrouble(other);
    if (!trouble && !IsAskedToDrain(other)) return OkStatus();
    others += "; " + is + (trouble ? " " + trouble->text : " is drained, too");
  }
  const std::string why =
      others.empty() ? ": it is the only pod of its pool; raise spec.replicas first" : others;
  return InvalidArgument("the write heads of " + name.name + " have nowhere to go" + why);
}

Result<PodLoad> LoadOf(kube::Client& client, const std::string& pod) {
  ASSIGN_OR_RETURN(std::vector<resources::ShardMap> maps, ReadMaps(client, ""));
  return LoadsOf(maps)[pod];
}

std::string Left(const PodLoad& load) {
  std::string text = std::to_string(load.heads) + " write heads and " +
                     std::to_string(load.unsealed) + " unsealed extents";
  constexpr size_t kNamesMax = 5;
  size_t named = 0;
  for (const std::string& stream : load.streams) {
    if (named++ == kNamesMax) return text + ", ...";
    text += (named == 1 ? " of " : ", ") + stream;
  }
  return text;
}

// Whether the operator has taken the request up: before, a head may still come.
Result<bool> IsTakenUp(kube::Client& client, const kube::ObjectName& pod,
                       const std::string& workload_name) {
  ASSIGN_OR_RETURN(const Value workload, client.Get(types::Workload(), {pod.ns, workload_name}));
  for (const Value& draining : workload.At("status", "draining").AsArray()) {
    if (draining.AsString() == pod.name) return true;
  }
  return false;
}

Status NotDrained(const std::string& pod, const PodLoad& load, bool is_taken_up) {
  if (!is_taken_up) {
    return {Code::kTimeout,
            "the operator has not taken up that " + pod +
                " is to be drained; the request stands. `kubectl millrace status` shows whether "
                "an operator leads, `kubectl millrace why workload/...` what it is busy with; "
                "--undo takes the request back"};
  }
  return {Code::kTimeout, pod + " still has " + Left(load) +
                              "; the request stands and goes on by itself. `kubectl millrace "
                              "status` shows what is in the way; --undo takes the request back"};
}

Status WaitDrained(kube::Client& client, const DrainOptions& options, const std::string& workload,
                   const std::function<void(const PodLoad&)>& tell) {
  const auto end = std::chrono::steady_clock::now() + options.time_max;
  std::optional<PodLoad> told;
  while (true) {
    ASSIGN_OR_RETURN(PodLoad load, LoadOf(client, options.pod.name));
    if (!told || told->heads != load.heads || told->unsealed != load.unsealed) tell(load);
    ASSIGN_OR_RETURN(const bool is_taken_up, IsTakenUp(client, options.pod, workload));
    if (is_taken_up && load.drained()) return OkStatus();
    told = load;
    if (std::chrono::steady_clock::now() + options.look_every >= end) {
      return NotDrained(options.pod.name, load, is_taken_up);
    }
    std::this_thread::sleep_for(options.look_every);
  }
}

}  // namespace

Status DrainPod(kube::Client& client, const DrainOptions& options,
                const std::function<void(const PodLoad&)>& tell) {
  ASSIGN_OR_RETURN(const Value pod, ShardPod(client, options.pod));
  RETURN_IF_ERROR(CheckPlaceToGo(client, pod));
  RETURN_IF_ERROR(Annotate(client, options.pod, "true"));
  if (options.time_max == std::chrono::milliseconds::zero()) return OkStatus();
  return WaitDrained(client, options, LabelOf(pod, kWorkloadLabel), tell);
}

Status UndrainPod(kube::Client& client, const kube::ObjectName& pod) {
  ASSIGN_OR_RETURN(const Value found, ShardPod(client, pod));
  return Annotate(client, pod, Value());
}

}  // namespace millrace::cli
