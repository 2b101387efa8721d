// A StreamPool on a real API server, without nodes: the test plays scheduler, kubelet and CSI
// driver. Run by crds.py, which names the server in MILLRACE_TEST_KUBECONFIG.
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "common/kube/events.h"
#include "common/resources/conditions.h"
#include "operator/pool/pool_objects.h"
#include "operator/pool/pool_reconciler.h"
#include "operator/workload/workload_controller.h"
#include "operator/workload/workload_objects.h"

namespace millrace::op {
namespace {

using json::Value;
namespace types = kube::types;

constexpr const char* kNamespace = "streaming";

class OpenGate final : public DrainGate {
 public:
  void SetDraining(const resources::ResourceKey&, const std::set<std::string>&) override {}
  bool IsDrained(const resources::ResourceKey&, const std::string&) const override { return true; }
  bool IsEmpty(const resources::ResourceKey&, const std::string&) const override { return true; }
};

kube::ClusterAccess Access() {
  const char* file = std::getenv("MILLRACE_TEST_KUBECONFIG");
  if (!file) return {};
  auto access = kube::ClusterAccess::FromKubeconfig(file);
  EXPECT_TRUE(access.ok()) << access.status().ToString();
  return access.ok() ? *access : kube::ClusterAccess{};
}

PoolReconcilerOptions Options() {
  PoolReconcilerOptions options;
  options.settings.ns = "millrace";
  options.settings.image = "shard:1";
  options.settings.internal_token_secret = "millrace-internal";
  options.settings.internal_token = "secret";
  options.settings.control_endpoint = "http://cp:8080";
  return options;
}

class PoolOnApi : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::getenv("MILLRACE_TEST_KUBECONFIG")) GTEST_SKIP() << "no API server";
    Value ns;
    ns["metadata"].Set("name", kNamespace);
    ns["metadata"]["labels"].Set("pod-security.kubernetes.io/enforce", "restricted");
    Make(types::Namespace(), ns);
    Value account;
    account["metadata"].Set("name", "millrace-shard");
    account["metadata"].Set("namespace", kNamespace);
    Make(types::ServiceAccount(), account);
    Value node;
    node["metadata"].Set("name", "n1");
    Make(types::Node(), node);
    Value ready;
    ready["status"]["conditions"].Append(Condition("Ready"));
    Must(client_.MergePatch(types::Node(), {"", "n1"}, ready, "status"));
    Value storage_class;
    storage_class["metadata"].Set("name", "fast-ssd");
    storage_class.Set("provisioner", "test");
    storage_class.Set("allowVolumeExpansion", true);
    Make(types::StorageClass(), storage_class);
    pools_.Start();
    workloads_.Start();
  }
  void TearDown() override {
    pools_.Stop();
    workloads_.Stop();
    events_.Stop();
  }

  static Value Condition(const char* type) {
    Value out;
    out.Set("type", type);
    out.Set("status", "True");
    out.Set("lastTransitionTime", resources::FormatTime(SystemClock().WallNow()));
    out.Set("reason", "Test");
    out.Set("message", "");
    return out;
  }
  void Must(const Result<Value>& done) { EXPECT_TRUE(done.ok()) << done.status().ToString(); }
  void Make(const kube::ResourceType& type, const Value& object) {
    const auto made = client_.Create(type, object);
    const bool is_there = made.ok() || made.status().code() == Code::kResourceInUse;
    EXPECT_TRUE(is_there) << made.status().ToString();
  }
  json::Array Items(const kube::ResourceType& type) {
    kube::ListOptions scope;
    scope.ns = kNamespace;
    auto page = client_.ListAll(type, scope);
    return page.ok() ? std::move(page->items) : json::Array();
  }
  // One look of the cluster at what there is to do.
  void Cluster() {
    for (const Value& pod : Items(types::Pod())) {
      const kube::ObjectName name = kube::NameOf(pod);
      if (pod.At("metadata").Has("deletionTimestamp")) {
        kube::DeleteOptions now;
        now.grace_seconds = 0;
        Must(client_.Delete(types::Pod(), name, now));
      } else if (pod.At("spec", "nodeName").AsString().empty()) {
        Value binding;
        binding["metadata"].Set("name", name.name);
        binding["target"].Set("kind", "Node");
        binding["target"].Set("name", "n1");
        Must(client_.CreateSubresource(types::Pod(), name, "binding", binding));
      } else if (pod.At("status", "phase").AsString() != "Running") {
        Value patch;
        patch["status"].Set("phase", "Running");
        patch["status"].Set("conditions", json::Array{Condition("Ready")});
        Must(client_.MergePatch(types::Pod(), name, patch, "status"));
      }
    }
    for (const Value& claim : Items(types::PersistentVolumeClaim())) {
      const Value& asked = claim.At("spec", "resources", "requests", "storage");
      if (claim.At("status", "capacity", "storage") == asked) continue;
      Value patch;
      patch["status"].Set("phase", "Bound");
      patch["status"]["capacity"].Set("storage", asked);
      Must(
          client_.MergePatch(types::PersistentVolumeClaim(), kube::NameOf(claim), patch, "status"));
    }
    AllowDisruption();
  }
  // There is no disruption controller either.
  void AllowDisruption() {
    const auto budget = client_.Get(types::PodDisruptionBudget(), {kNamespace, "upgraded"});
    if (!budget.ok()) return;
    Value patch;
    Value& status = patch["status"];
    status.Set("observedGeneration", budget->At("metadata", "generation"));
    status.Set("disruptionsAllowed", disruptions_allowed_);
    status.Set("currentHealthy", int64_t{3});
    status.Set("desiredHealthy", int64_t{2});
    status.Set("expectedPods", int64_t{3});
    Must(client_.MergePatch(types::PodDisruptionBudget(), kube::NameOf(*budget), patch, "status"));
  }
  Value Find(const kube::ResourceType& type) {
    const auto found = client_.Get(type, {kNamespace, "upgraded"});
    return found.ok() ? *found : Value();
  }
  Value Pool() { return Find(StreamPoolType()); }
  std::string Reason(const std::string& type) {
    return resources::FindCondition(Pool()["status"], type)["reason"].AsString();
  }
  bool Eventually(const std::function<bool()>& holds) {
    for (int i = 0; i < 300; ++i) {
      Cluster();
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << json::WriteJsonPretty(Pool())
                  << json::WriteJsonPretty(Find(WorkloadType())["status"]);
    return false;
  }
  void Change(std::string_view patch) {
    Must(client_.MergePatch(StreamPoolType(), {kNamespace, "upgraded"}, *json::ParseJson(patch)));
  }
  std::string ImageOf(const std::string& pod) {
    const auto found = client_.Get(types::Pod(), {kNamespace, pod});
    if (!found.ok()) return "";
    return found->At("spec", "containers").AsArray()[0]["image"].AsString();
  }

  int64_t disruptions_allowed_ = 1;
  kube::Client client_{Access()};
  kube::EventRecorder events_{client_, SystemClock(), "pool", "test"};
  OpenGate gate_;
  PoolReconciler pools_{client_, SystemClock(), events_, Options()};
  WorkloadController workloads_{client_, SystemClock(), events_, gate_};
};

TEST_F(PoolOnApi, IsMadeUpgradedAndEnlargedInARestrictedNamespace) {
  Value secret = *json::ParseJson(
      R"({"type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"e30="}})");
  secret["metadata"].Set("name", "pull");
  secret["metadata"].Set("namespace", kNamespace);
  Must(client_.Create(types::Secret(), secret));
  Value pool;
  pool["metadata"].Set("name", "upgraded");
  pool["metadata"].Set("namespace", kNamespace);
  pool.Set("spec", *json::ParseJson(R"({"storage":{"storageClassName":"fast-ssd"},
    "tolerations":[{"key":"a","operator":"Exists"}],"nodeSelector":{"x":"y"},
    "tls":{"secretRef":{"name":"cert"}},"imagePullSecrets":[{"name":"pull"}]})"));
  Must(client_.Create(StreamPoolType(), pool));
  ASSERT_TRUE(Eventually([&] { return Reason("Ready") == "AllReady"; }));
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_EQ(ImageOf("upgraded-2"), "shard:1");
  ASSERT_TRUE(Eventually([&] { return !Pool().At("status", "currentRevision").is_null(); }));
  const std::string before = Pool().At("status", "currentRevision").AsString();

  disruptions_allowed_ = 0;
  Cluster();
  Change(R"({"spec":{"logLevel":"debug"}})");
  ASSERT_TRUE(Eventually([&] { return Reason("Progressing") == "BudgetSaysNo"; }));
  disruptions_allowed_ = 1;

  Change(R"({"spec":{"image":"shard:2","rollout":{"canary":{"replicas":1,"soakSeconds":1}}}})");
  ASSERT_TRUE(Eventually([&] {
    return ImageOf("upgraded-0") == "shard:2" && Reason("Ready") == "AllReady" &&
           Pool().At("status", "currentRevision").AsString() != before;
  }));
  EXPECT_EQ(Pool().At("status", "updatedReplicas").AsInt(), 3);

  Change(R"({"spec":{"storage":{"size":"20Gi"}}})");
  ASSERT_TRUE(Eventually([&] {
    return Pool().At("status", "storage", "actual").AsString() == "20Gi" &&
           Reason("StorageResizing") == "Idle";
  }));

  Change(R"({"spec":{"replicas":2}})");
  ASSERT_TRUE(Eventually([&] { return ImageOf("upgraded-2").empty(); }));
  EXPECT_TRUE(client_.Get(types::PersistentVolumeClaim(), {kNamespace, "data-upgraded-2"}).ok());

  size_t notes = 0;
  for (int i = 0; i < 50 && notes < 8; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    notes = Items(types::Event()).size();
  }
  EXPECT_GE(notes, 8u) << "a decision is an event";
}

}  // namespace
}  // namespace millrace::op
