#include "operator/workload/workload_controller.h"

#include <algorithm>

#include "common/log/log.h"
#include "common/resources/conditions.h"
#include "operator/engine/component.h"
#include "operator/engine/led_controller.h"
#include "operator/workload/observe.h"
#include "operator/workload/workload_actions.h"
#include "operator/workload/workload_objects.h"
#include "operator/workload/workload_status.h"

namespace millrace::op {

using json::Value;
using resources::ResourceKey;
using resources::WorkloadSpec;
namespace types = kube::types;

namespace {

constexpr std::string_view kByWorkload = "workload";
constexpr std::string_view kByNode = "node";
constexpr std::string_view kBudgetSaysNo = "BudgetSaysNo";

// For pods that have no write heads and nothing that only they have.
class NoGate final : public DrainGate {
 public:
  void SetDraining(const ResourceKey&, const std::set<std::string>&) override {}
  bool IsDrained(const ResourceKey&, const std::string&) const override { return true; }
  bool IsEmpty(const ResourceKey&, const std::string&) const override { return true; }
};

std::string KeyText(const std::string& ns, const std::string& workload) {
  return ns + "/" + workload;
}

std::vector<ResourceKey> KeysByLabel(const Value& object) {
  const std::string& workload = object.At("metadata", "labels")[kWorkloadLabel].AsString();
  if (workload.empty()) return {};
  return {{kube::NameOf(object).ns, workload}};
}

// Parts of workloads, found by their workload and, for pods, their node.
InformerOptions PartsOptions(const std::vector<std::string>& namespaces) {
  InformerOptions options;
  options.namespaces = namespaces;
  options.watch.scope.label_selector = kWorkloadLabel;
  options.cache.indexes[std::string(kByWorkload)] = [](const Value& object) {
    std::vector<std::string> keys;
    for (const ResourceKey& key : KeysByLabel(object)) keys.push_back(KeyText(key.ns, key.name));
    return keys;
  };
  options.cache.indexes[std::string(kByNode)] = [](const Value& object) {
    return std::vector<std::string>{object.At("spec", "nodeName").AsString()};
  };
  return options;
}

InformerOptions ScopeOptions(const std::vector<std::string>& namespaces) {
  InformerOptions options;
  options.namespaces = namespaces;
  return options;
}

// Images, addresses and heartbeats are of no use here.
InformerOptions NodeOptions() {
  InformerOptions options;
  options.cache.trim = [](Value& node) {
    Value status;
    for (const Value& condition : node.At("status", "conditions").AsArray()) {
      if (condition["type"].AsString() != "Ready") continue;
      Value kept;
      kept.Set("type", "Ready");
      kept.Set("status", condition["status"]);
      status["conditions"].Append(std::move(kept));
    }
    node.Set("status", std::move(status));
    node["metadata"].Remove("annotations");
  };
  return options;
}

}  // namespace

class WorkloadController::Impl {
 public:
  Impl(kube::Client& client, Clock& clock, kube::EventRecorder& events, DrainGate& gate,
       WorkloadControllerOptions options)
      : client_(client),
        clock_(clock),
        events_(events),
        gate_(gate),
        options_(std::move(options)),
        workloads_(client, WorkloadType(), ScopeOptions(options_.namespaces)),
        pods_(client, types::Pod(), PartsOptions(options_.namespaces)),
        claims_(client, types::PersistentVolumeClaim(), PartsOptions(options_.namespaces)),
        revisions_(client, types::ControllerRevision(), PartsOptions(options_.namespaces)),
        nodes_(client, types::Node(), NodeOptions()),
        classes_(client, types::StorageClass()),
        led_("workload", options_.workers, clock,
             [this](const ResourceKey& key) { return Reconcile(key); }) {
    led_.Follow(workloads_);
    for (Informer* parts : {&pods_, &claims_, &revisions_}) led_.Follow(*parts, KeysByLabel);
    constexpr auto kAdvice = LedController::Need::kAdvice;
    led_.Follow(nodes_, [this](const Value& node) { return KeysOnNode(node); }, kAdvice);
    led_.Follow(classes_, [this](const Value&) { return AllKeys(); }, kAdvice);
  }

  LedController& led() { return led_; }
  Informer& pods() { return pods_; }
  Informer& workloads() { return workloads_; }

 private:
  std::vector<ResourceKey> KeysOnNode(const Value& node) const {
    std::vector<ResourceKey> keys;
    for (const Value& pod : pods_.cache().Select(kByNode, kube::NameOf(node).name)) {
      for (ResourceKey& key : KeysByLabel(pod)) keys.push_back(std::move(key));
    }
    return keys;
  }
  std::vector<ResourceKey> AllKeys() const {
    std::vector<ResourceKey> keys;
    for (kube::ObjectName& name : workloads_.cache().Names()) {
      keys.push_back({std::move(name.ns), std::move(name.name)});
    }
    return keys;
  }

  Outcome Reconcile(const ResourceKey& key) {
    const auto workload = workloads_.cache().Get({key.ns, key.name});
    if (!workload) {
      gate_.SetDraining(key, {});
      return Outcome::Done();
    }
    Result<WorkloadSpec> spec = WorkloadSpec::Parse((*workload)["spec"]);
    if (!spec.ok()) return Refuse(*workload, spec.status());
    if (!HasRightFinalizer(*workload, *spec)) return SetFinalizer(*workload, *spec);
    // Without our finalizer the garbage collector takes the pods and leaves the volumes.
    const bool is_deleting = workload->At("metadata").Has("deletionTimestamp");
    if (is_deleting && !HasFinalizer(*workload)) return Outcome::Done();
    WorkloadInput input = Observe(key, *workload, std::move(spec).value());
    const WorkloadPlan plan = PlanWorkload(input);
    return Act(*workload, input, plan);
  }

  DrainGate& GateOf(const Value& workload) const {
    static auto* const none = new NoGate();
    return IsOfPool(workload) ? gate_ : *none;
  }

  WorkloadInput Observe(const ResourceKey& key, const Value& workload, WorkloadSpec spec) const {
    WorkloadInput input;
    input.key = key;
    input.spec = std::move(spec);
    input.now = clock_.WallNow();
    ReadDecisions(workload, input);
    const std::string text = KeyText(key.ns, key.name);
    for (const Value& pod : pods_.cache().Select(kByWorkload, text)) {
      const auto node = nodes_.cache().Get({"", pod.At("spec", "nodeName").AsString()});
      input.pods.push_back(ObservePod(pod, workload, node ? &*node : nullptr, nodes_.HasSynced()));
    }
    for (const Value& claim : claims_.cache().Select(kByWorkload, text)) {
      input.claims.push_back(ObserveClaim(claim, workload));
    }
    for (const Value& kept : revisions_.cache().Select(kByWorkload, text)) {
      input.revisions[RevisionKeptIn(kept)] = kept["revision"].AsInt();
    }
    if (classes_.HasSynced()) {
      input.storage_class = ObserveClass(classes_.cache().List(), input.spec.storage_class);
    }
    // Heads that are not known to be asked away may still come.
    const DrainGate& gate = GateOf(workload);
    for (const std::string& pod : DrainingIn(workload)) {
      if (gate.IsDrained(key, pod)) input.drained.insert(pod);
      if (gate.IsEmpty(key, pod)) input.empty.insert(pod);
    }
    for (const ObservedPod& pod : input.pods) {
      if (const size_t missing = gate.Missing(key, pod.name)) input.missing[pod.name] = missing;
    }
    return input;
  }

  Outcome Act(Value workload, const WorkloadInput& input, const WorkloadPlan& plan) {
    const int64_t generation = workload.At("metadata", "generation").AsInt();
    Value status = WorkloadStatus(workload["status"], input, plan, generation);
    KeepBudgetWord(workload["status"], plan, status);
    if (Status written = WriteStatus(workload, std::move(status)); !written.ok()) {
      return Outcome::Failed(written);
    }
    GateOf(workload).SetDraining(input.key, plan.draining);
    WorkloadActions actions(client_, events_, CachesOf(input.key.ns), workload, input.spec);
    const Status done = actions.Run(plan.actions);
    // Told apart from the plan's own conditions, so that nothing flaps while it fails.
    status = workload["status"];
    resources::SetCondition(status, "Reconciled", done.ok(), done.ok() ? "Reconciled" : "Failed",
                            done.ok() ? "" : done.message(), generation, input.now);
    if (actions.budget_said_no()) {
      resources::SetCondition(status, "Progressing", true, kBudgetSaysNo,
                              "a PodDisruptionBudget does not allow the next restart yet",
                              generation, input.now);
    }
    const bool is_going_away = input.is_deleting && done.ok();
    if (!is_going_away) {
      if (Status written = WriteStatus(workload, std::move(status)); !written.ok()) {
        return Outcome::Failed(written);
      }
    }
    if (!done.ok()) return Outcome::Failed(done);
    return plan.again ? Outcome::After(*plan.again) : Outcome::Done();
  }

  // A restart that the budget has refused is asked for again, which is no news.
  static void KeepBudgetWord(const Value& before, const WorkloadPlan& plan, Value& status) {
    const Value& told = resources::FindCondition(before, "Progressing");
    const auto planned = plan.conditions.find("Progressing");
    if (told["reason"].AsString() != kBudgetSaysNo || planned == plan.conditions.end() ||
        planned->second.reason != "Restarting") {
      return;
    }
    for (Value& condition : status["conditions"].MutableArray()) {
      if (condition["type"].AsString() == "Progressing") condition = told;
    }
  }

  // Compare-and-set on what was read, so that no decision is taken on a stale one; `workload` is
  // what the server has afterwards.
  Status WriteStatus(Value& workload, Value status) {
    if (workload["status"] == status) return OkStatus();
    Value next = workload;
    next.Set("status", std::move(status));
    ASSIGN_OR_RETURN(workload, client_.UpdateStatus(WorkloadType(), std::move(next)));
    workloads_.cache().Wrote(workload);
    return OkStatus();
  }

  Outcome Refuse(Value workload, const Status& problem) {
    const int64_t generation = workload.At("metadata", "generation").AsInt();
    Value status = workload["status"];
    resources::SetCondition(status, "Reconciled", false, "InvalidSpec", problem.message(),
                            generation, clock_.WallNow());
    const Status written = WriteStatus(workload, std::move(status));
    return written.ok() ? Outcome::Done() : Outcome::Failed(written);
  }

  static bool HasFinalizer(const Value& workload) {
    const json::Array& finalizers = workload.At("metadata", "finalizers").AsArray();
    return std::any_of(finalizers.begin(), finalizers.end(),
                       [](const Value& f) { return f.AsString() == kVolumeFinalizer; });
  }
  static bool HasRightFinalizer(const Value& workload, const WorkloadSpec& spec) {
    const bool is_deleting = workload.At("metadata").Has("deletionTimestamp");
    return HasFinalizer(workload) == (spec.deletion_policy == "Delete") || is_deleting;
  }
  Outcome SetFinalizer(const Value& workload, const WorkloadSpec& spec) {
    json::Array finalizers;
    for (const Value& finalizer : workload.At("metadata", "finalizers").AsArray()) {
      if (finalizer.AsString() != kVolumeFinalizer) finalizers.push_back(finalizer);
    }
    if (spec.deletion_policy == "Delete") finalizers.emplace_back(kVolumeFinalizer);
    Value patch;
    patch["metadata"].Set("resourceVersion", kube::ResourceVersionOf(workload));
    patch["metadata"].Set("finalizers", std::move(finalizers));
    const auto done = client_.MergePatch(WorkloadType(), kube::NameOf(workload), patch);
    if (!done.ok()) return Outcome::Failed(done.status());
    workloads_.cache().Wrote(*done);
    return Outcome::After(Duration::zero());
  }

  WorkloadCaches CachesOf(const std::string& ns) {
    return {workloads_.cache().Of(ns), pods_.cache().Of(ns), claims_.cache().Of(ns),
            revisions_.cache().Of(ns)};
  }

  kube::Client& client_;
  Clock& clock_;
  kube::EventRecorder& events_;
  DrainGate& gate_;
  const WorkloadControllerOptions options_;
  Informer workloads_;
  Informer pods_;
  Informer claims_;
  Informer revisions_;
  Informer nodes_;
  Informer classes_;
  LedController led_;  // after what it follows and uses
};

WorkloadController::WorkloadController(kube::Client& client, Clock& clock,
                                       kube::EventRecorder& events, DrainGate& gate,
                                       WorkloadControllerOptions options)
    : impl_(std::make_unique<Impl>(client, clock, events, gate, std::move(options))) {}
WorkloadController::~WorkloadController() { Stop(); }
void WorkloadController::Watch() { impl_->led().Watch(); }
void WorkloadController::Start() { impl_->led().Start(); }
void WorkloadController::Stop() { impl_->led().Stop(); }
bool WorkloadController::HasSynced() const { return impl_->led().HasSynced(); }
void WorkloadController::Add(const ResourceKey& workload) { impl_->led().Add(workload); }
LedController& WorkloadController::queue() { return impl_->led(); }
Informer& WorkloadController::pods() { return impl_->pods(); }
std::vector<Value> WorkloadController::PodsOf(const kube::ObjectName& workload) {
  return impl_->pods().cache().Select(kByWorkload, KeyText(workload.ns, workload.name));
}
Informer& WorkloadController::workloads() { return impl_->workloads(); }

}  // namespace millrace::op
