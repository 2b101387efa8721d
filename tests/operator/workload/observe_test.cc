#include "operator/workload/observe.h"

#include <gtest/gtest.h>

#include "operator/workload/workload_objects.h"
#include "operator/workload/workload_status.h"

namespace millrace::op {
namespace {

using json::Value;

Value Json(std::string_view text) {
  auto parsed = json::ParseJson(text);
  EXPECT_TRUE(parsed.ok()) << parsed.status().ToString();
  return parsed.ok() ? *parsed : Value();
}

Value Workload() {
  return Json(R"({"apiVersion":"millrace.dev/v1alpha1","kind":"Workload","metadata":{"name":"pool",
    "namespace":"ns","uid":"w1","generation":3},"spec":{"replicas":2,"revision":"r1",
    "selector":{"millrace.dev/pool":"pool"},"volume":{"size":"10Gi","storageClassName":"fast"},
    "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"shard"}],
    "volumes":[{"name":"tmp","emptyDir":{}}]}}}})");
}

resources::WorkloadSpec SpecOf(const Value& workload) {
  auto spec = resources::WorkloadSpec::Parse(workload["spec"]);
  EXPECT_TRUE(spec.ok()) << spec.status().ToString();
  return *spec;
}

Value RunningPod() {
  const Value workload = Workload();
  Value pod = PodObject(workload, "pool-0", "r1", workload.At("spec", "template"));
  pod["metadata"].Set("uid", "p1");
  pod["spec"].Set("nodeName", "n1");
  pod.Set("status", Json(R"({"phase":"Running","conditions":[{"type":"Ready","status":"True",
    "lastTransitionTime":"2026-11-21T12:00:00Z"}]})"));
  return pod;
}

const Value& GoodNode() {
  static const auto* const node =
      new Value(Json(R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})"));
  return *node;
}

TEST(Observe, DrainIsAskedByAnAnnotationThatSaysTrue) {
  Value pod = RunningPod();
  EXPECT_FALSE(ObservePod(pod, Workload(), &GoodNode(), true).is_drain_asked);
  pod["metadata"]["annotations"].Set("millrace.dev/drain", "true");
  EXPECT_TRUE(ObservePod(pod, Workload(), &GoodNode(), true).is_drain_asked);
  pod["metadata"]["annotations"].Set("millrace.dev/drain", "false");
  EXPECT_FALSE(ObservePod(pod, Workload(), &GoodNode(), true).is_drain_asked);
}

TEST(Observe, PodThatIsMadeIsReadBackAsOurs) {
  const ObservedPod pod = ObservePod(RunningPod(), Workload(), &GoodNode(), true);
  EXPECT_EQ(pod.name, "pool-0");
  EXPECT_EQ(pod.revision, "r1");
  EXPECT_TRUE(pod.is_ours);
  EXPECT_FALSE(pod.is_orphan);
  EXPECT_TRUE(pod.is_ready);
  EXPECT_EQ(pod.node_state, NodeState::kUp);
  EXPECT_EQ(pod.ready_changed_ms, *resources::ParseTime("2026-11-21T12:00:00Z"));
  const Value made = RunningPod();
  EXPECT_EQ(made.At("spec", "hostname").AsString(), "pool-0");
  EXPECT_EQ(made.At("spec", "volumes").AsArray().size(), 2u);
  EXPECT_EQ(made.At("metadata", "labels")["millrace.dev/pool"].AsString(), "pool");
}

TEST(Observe, PodWithoutAControllerIsAnOrphanAndOneOfAnotherUidAStrangers) {
  Value pod = RunningPod();
  pod["metadata"].Remove("ownerReferences");
  EXPECT_TRUE(ObservePod(pod, Workload(), &GoodNode(), true).is_orphan);
  Value other = Workload();
  other["metadata"].Set("uid", "w2");
  const ObservedPod strange = ObservePod(RunningPod(), other, &GoodNode(), true);
  EXPECT_FALSE(strange.is_ours);
  EXPECT_FALSE(strange.is_orphan);
}

TEST(Observe, NodeSaysWhetherAPodMayStillRun) {
  const Value silent = Json(R"({"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})");
  const Value off = Json(R"({"spec":{"taints":[{"key":"node.kubernetes.io/out-of-service"}]}})");
  auto state = [](const Value* node, bool known) {
    return ObservePod(RunningPod(), Workload(), node, known);
  };
  EXPECT_EQ(state(&silent, true).node_state, NodeState::kSilent);
  EXPECT_FALSE(state(&silent, true).is_ready);
  EXPECT_EQ(state(&off, true).node_state, NodeState::kOff);
  EXPECT_EQ(state(nullptr, true).node_state, NodeState::kOff);
  EXPECT_EQ(state(nullptr, false).node_state, NodeState::kUp);
}

TEST(Observe, TroubleIsToldInTheClustersWords) {
  Value pod = RunningPod();
  pod.Set("status", Json(R"({"phase":"Pending","containerStatuses":[{"state":{"waiting":
    {"reason":"ImagePullBackOff","message":"no such image"}}}]})"));
  EXPECT_EQ(ObservePod(pod, Workload(), &GoodNode(), true).trouble,
            "ImagePullBackOff: no such image");
  pod.Set("status", Json(R"({"phase":"Running","containerStatuses":[{"state":{"waiting":
    {"reason":"CrashLoopBackOff","message":"back-off"}},"lastState":{"terminated":
    {"exitCode":2,"message":"a line\nno such setting\n"}}}]})"));
  EXPECT_EQ(ObservePod(pod, Workload(), &GoodNode(), true).trouble,
            "CrashLoopBackOff: back-off (last exit code 2: a line no such setting)");
  pod.Set("status", Json(R"({"phase":"Pending","conditions":[{"type":"PodScheduled",
    "status":"False","reason":"Unschedulable","message":"0/3 nodes"}]})"));
  EXPECT_EQ(ObservePod(pod, Workload(), &GoodNode(), true).trouble, "Unschedulable: 0/3 nodes");
  pod.Set("status", Json(R"({"phase":"Failed","reason":"Evicted","message":"low on memory"})"));
  const ObservedPod ended = ObservePod(pod, Workload(), &GoodNode(), true);
  EXPECT_TRUE(ended.has_ended);
  EXPECT_EQ(ended.trouble, "Evicted: low on memory");
}

TEST(Observe, ClaimTellsAskedRealAndRefused) {
  Value claim = ClaimObject(Workload(), SpecOf(Workload()), "pool-0");
  EXPECT_EQ(kube::NameOf(claim).name, "data-pool-0");
  EXPECT_EQ(claim.At("spec", "storageClassName").AsString(), "fast");
  claim.Set("status", Json(R"({"phase":"Bound","capacity":{"storage":"5Gi"},
    "allocatedResourceStatuses":{"storage":"ControllerResizeInfeasible"},
    "conditions":[{"type":"FileSystemResizePending","status":"True",
    "lastTransitionTime":"2026-11-21T12:00:00Z"}]})"));
  const ObservedClaim seen = ObserveClaim(claim, Workload());
  EXPECT_TRUE(seen.is_ours && seen.is_bound && seen.is_refused);
  EXPECT_EQ(seen.requested_bytes, int64_t{10} << 30);
  EXPECT_EQ(seen.capacity_bytes, int64_t{5} << 30);
  EXPECT_TRUE(seen.file_system_pending_since);
}

TEST(Observe, ClassIsTheNamedOneOrTheDefault) {
  json::Array classes = {Json(R"({"metadata":{"name":"slow"},"allowVolumeExpansion":false})"),
                         Json(R"({"metadata":{"name":"fast","annotations":{
        "storageclass.kubernetes.io/is-default-class":"true"}},"allowVolumeExpansion":true})")};
  EXPECT_EQ(ObserveClass(classes, ""), ClassState::kExpandable);
  EXPECT_EQ(ObserveClass(classes, "slow"), ClassState::kFixed);
  EXPECT_EQ(ObserveClass(classes, "none"), ClassState::kMissing);
}

TEST(WorkloadStatus, IsTheSameWhereNothingHasChangedAndReadsBack) {
  WorkloadInput input;
  input.key = {"ns", "pool"};
  input.spec = SpecOf(Workload());
  input.now = 1'000;
  WorkloadPlan plan;
  plan.members = {{.name = "pool-0", .revision = "r1", .claim_uid = "c1", .moved_ms = 5'000}};
  plan.stable_revision = "r1";
  plan.draining = {"pool-0"};
  plan.conditions["Ready"] = {true, "AllReady", "1 of 1"};
  plan.conditions["StorageResizing"] = {false, "Idle", ""};
  plan.actual_bytes = int64_t{10} << 30;
  Value workload = Workload();
  workload.Set("status", WorkloadStatus(Value(), input, plan, 3));
  input.now = 2'000;
  EXPECT_EQ(WorkloadStatus(workload["status"], input, plan, 3), workload["status"]);
  WorkloadInput read;
  ReadDecisions(workload, read);
  EXPECT_EQ(read.members, plan.members);
  EXPECT_EQ(read.stable_revision, "r1");
  EXPECT_EQ(DrainingIn(workload), plan.draining);
  EXPECT_EQ(workload.At("status", "storage", "actual").AsString(), "10Gi");
  EXPECT_EQ(workload.At("status", "selector").AsString(), "millrace.dev/pool=pool");
}

}  // namespace
}  // namespace millrace::op
