#include "operator/workload/workload_controller.h"

#include <gtest/gtest.h>

#include "common/resources/conditions.h"
#include "operator/workload/workload_objects.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;
using kube::Eventually;
namespace types = kube::types;

// Lets every pod go as soon as it is asked to, and remembers who was last.
class OpenGate final : public DrainGate {
 public:
  void SetDraining(const resources::ResourceKey&, const std::set<std::string>& pods) override {
    std::lock_guard lock(mu_);
    draining_ = pods;
  }
  std::set<std::string> draining() const {
    std::lock_guard lock(mu_);
    return draining_;
  }
  bool IsDrained(const resources::ResourceKey&, const std::string&) const override { return true; }
  bool IsEmpty(const resources::ResourceKey&, const std::string&) const override { return true; }

 private:
  mutable std::mutex mu_;
  std::set<std::string> draining_;  // guarded by mu_
};

// A controller against an API server in memory; the test is the kubelet.
class WorkloadControllerTest : public kube::KubeTest {
 protected:
  void SetUp() override {
    Value node;
    node["metadata"].Set("name", "n1");
    ASSERT_TRUE(client_.Create(types::Node(), node).ok());
    Value ready;
    ready.Set("type", "Ready");
    ready.Set("status", "True");
    Value status;
    status["conditions"].Append(ready);
    node.Set("status", status);
    ASSERT_TRUE(client_.UpdateStatus(types::Node(), node).ok());
    Value storage_class;
    storage_class["metadata"].Set("name", "fast");
    storage_class.Set("allowVolumeExpansion", true);
    ASSERT_TRUE(client_.Create(types::StorageClass(), storage_class).ok());
  }
  void TearDown() override { controller_.Stop(); }

  resources::WorkloadSpec Spec(const std::string& revision) {
    resources::WorkloadSpec spec;
    spec.replicas = 2;
    spec.revision = revision;
    spec.volume_size = "10Gi";
    spec.storage_class = "fast";
    Value container;
    container.Set("name", "shard");
    container.Set("image", "shard:" + revision);
    spec.pod_template["spec"]["containers"].Append(container);
    return spec;
  }
  void Write(const resources::WorkloadSpec& spec) {
    Value workload;
    workload["metadata"].Set("name", "pool");
    workload["metadata"].Set("namespace", "default");
    workload.Set("spec", spec.ToValue());
    const auto there = client_.Get(WorkloadType(), {"default", "pool"});
    if (!there.ok()) {
      ASSERT_TRUE(client_.Create(WorkloadType(), workload).ok());
      return;
    }
    Value patch;
    patch.Set("spec", spec.ToValue());
    ASSERT_TRUE(client_.MergePatch(WorkloadType(), {"default", "pool"}, patch).ok());
  }
  Value Get() {
    const auto found = client_.Get(WorkloadType(), {"default", "pool"});
    return found.ok() ? *found : Value();
  }
  std::string Reason(const std::string& type) {
    return resources::FindCondition(Get()["status"], type)["reason"].AsString();
  }
  // Every pod starts; what is on its way out ends.
  void Kubelet() {
    const auto pods = client_.ListAll(types::Pod());
    ASSERT_TRUE(pods.ok());
    for (Value pod : pods->items) {
      if (pod["status"].is_object()) continue;
      Value ready;
      ready.Set("type", "Ready");
      ready.Set("status", "True");
      ready.Set("lastTransitionTime", resources::FormatTime(SystemClock().WallNow()));
      pod["spec"].Set("nodeName", "n1");
      const auto bound = client_.Update(types::Pod(), pod);
      if (!bound.ok()) continue;
      pod = *bound;
      Value status;
      status.Set("phase", "Running");
      status["conditions"].Append(ready);
      pod.Set("status", status);
      (void)client_.UpdateStatus(types::Pod(), pod).ok();
    }
  }
  bool AllReady() {
    return Eventually([&] {
      Kubelet();
      return Reason("Ready") == "AllReady";
    });
  }
  std::string ImageOf(const std::string& pod) {
    const auto found = client_.Get(types::Pod(), {"default", pod});
    if (!found.ok()) return "";
    return found->At("spec", "containers").AsArray()[0]["image"].AsString();
  }

  kube::EventRecorder events_{client_, SystemClock(), "workload", "test"};
  OpenGate gate_;
  WorkloadController controller_{client_, SystemClock(), events_, gate_};
};

TEST_F(WorkloadControllerTest, MakesClaimsPodsAndAKeptRevision) {
  controller_.Start();
  Write(Spec("r1"));
  ASSERT_TRUE(AllReady());
  EXPECT_EQ(ImageOf("pool-1"), "shard:r1");
  EXPECT_TRUE(client_.Get(types::PersistentVolumeClaim(), {"default", "data-pool-0"}).ok());
  EXPECT_TRUE(client_.Get(types::ControllerRevision(), {"default", "pool-r1"}).ok());
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_TRUE(Eventually([&] { return Get().At("status", "stableRevision").AsString() == "r1"; }));
}

TEST_F(WorkloadControllerTest, WithoutAVolumePodsAreMadeAsTheirTemplateSays) {
  controller_.Start();
  resources::WorkloadSpec spec = Spec("r1");
  spec.volume_size.clear();
  spec.storage_class.clear();
  Write(spec);
  ASSERT_TRUE(AllReady());
  EXPECT_TRUE(client_.ListAll(types::PersistentVolumeClaim())->items.empty());
  EXPECT_EQ(controller_.PodsOf({"default", "pool"}).size(), 2u);
  EXPECT_FALSE(client_.Get(types::Pod(), {"default", "pool-0"})->At("spec").Has("volumes"));
  EXPECT_FALSE(Get()["status"].Has("storage"));
}

TEST_F(WorkloadControllerTest, AtRestNothingIsWritten) {
  controller_.Start();
  Write(Spec("r1"));
  ASSERT_TRUE(AllReady());
  ASSERT_TRUE(Eventually([&] { return Get().At("status", "stableRevision").AsString() == "r1"; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const size_t writes = api_.CountOf("PUT ") + api_.CountOf("POST ") + api_.CountOf("PATCH ");
  controller_.Add({"default", "pool"});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(api_.CountOf("PUT ") + api_.CountOf("POST ") + api_.CountOf("PATCH "), writes);
}

TEST_F(WorkloadControllerTest, PodThatIsDeletedComesBackAtOnce) {
  controller_.Start();
  Write(Spec("r1"));
  ASSERT_TRUE(AllReady());
  const std::string uid = kube::UidOf(*client_.Get(types::Pod(), {"default", "pool-0"}));
  ASSERT_TRUE(client_.Delete(types::Pod(), {"default", "pool-0"}).ok());
  EXPECT_TRUE(Eventually([&] {
    const auto pod = client_.Get(types::Pod(), {"default", "pool-0"});
    return pod.ok() && kube::UidOf(*pod) != uid;
  }));
}

TEST_F(WorkloadControllerTest, PodThatIsAskedToDrainIsHandedToTheGateAndSaidSoUntilItIsTakenBack) {
  controller_.Start();
  Write(Spec("r1"));
  ASSERT_TRUE(AllReady());
  Value patch;
  patch["metadata"]["annotations"].Set(resources::kDrainAnnotation, "true");
  ASSERT_TRUE(client_.MergePatch(types::Pod(), {"default", "pool-0"}, patch).ok());
  EXPECT_TRUE(Eventually([&] { return gate_.draining() == std::set<std::string>{"pool-0"}; }));
  EXPECT_EQ(Get().At("status", "draining").AsArray().size(), 1u);
  patch["metadata"]["annotations"].Set(resources::kDrainAnnotation, Value());
  ASSERT_TRUE(client_.MergePatch(types::Pod(), {"default", "pool-0"}, patch).ok());
  EXPECT_TRUE(Eventually([&] { return gate_.draining().empty(); }));
}

TEST_F(WorkloadControllerTest, PodsOfOtherComponentsThanPoolsAreNoBusinessOfTheGate) {
  controller_.Start();
  Write(Spec("r1"));
  ASSERT_TRUE(AllReady());
  Value component;
  component["metadata"]["labels"].Set("app.kubernetes.io/component", "delivery");
  ASSERT_TRUE(client_.MergePatch(WorkloadType(), {"default", "pool"}, component).ok());
  Value drain;
  drain["metadata"]["annotations"].Set(resources::kDrainAnnotation, "true");
  ASSERT_TRUE(client_.MergePatch(types::Pod(), {"default", "pool-0"}, drain).ok());
  EXPECT_TRUE(Eventually([&] { return Get().At("status", "draining").AsArray().size() == 1; }));
  EXPECT_TRUE(gate_.draining().empty());
}

TEST_F(WorkloadControllerTest, NewRevisionEvictsOnePodAfterTheOther) {
  std::atomic<int> evictions{0};
  std::atomic<bool> names_a_version{false};
  api_.Intercept(
      [&](const net::HttpRequest& request, const testing_support::FakeKubeApi::Writer& writer) {
        if (!request.path.ends_with("/eviction")) return false;
        ++evictions;
        if (request.body.view().find("resourceVersion") != std::string_view::npos)
          names_a_version = true;
        testing_support::FakeKubeApi::SendStatus(writer, 201, "", "");
        return true;
      });
  controller_.Start();
  Write(Spec("r1"));
  ASSERT_TRUE(AllReady());
  ASSERT_TRUE(Eventually([&] { return Get().At("status", "stableRevision").AsString() == "r1"; }));
  Write(Spec("r2"));
  for (const char* pod : {"pool-1", "pool-0"}) {
    const int before = pod == std::string("pool-1") ? 0 : 1;
    ASSERT_TRUE(Eventually([&] { return evictions > before; })) << pod;
    ASSERT_TRUE(client_.Delete(types::Pod(), {"default", pod}).ok());
    ASSERT_TRUE(Eventually([&] { return ImageOf(pod) == "shard:r2"; })) << pod;
    Kubelet();
  }
  EXPECT_TRUE(Eventually([&] { return Get().At("status", "stableRevision").AsString() == "r2"; }));
  // The server takes the budget before it looks at the version, and keeps it where that is old.
  EXPECT_FALSE(names_a_version);
}

TEST_F(WorkloadControllerTest, ExpansionReachesEveryClaim) {
  controller_.Start();
  resources::WorkloadSpec spec = Spec("r1");
  Write(spec);
  ASSERT_TRUE(AllReady());
  for (const char* name : {"data-pool-0", "data-pool-1"}) {
    Value claim = *client_.Get(types::PersistentVolumeClaim(), {"default", name});
    Value status;
    status.Set("phase", "Bound");
    status["capacity"].Set("storage", "10Gi");
    claim.Set("status", status);
    ASSERT_TRUE(client_.UpdateStatus(types::PersistentVolumeClaim(), claim).ok());
  }
  spec.volume_size = "20Gi";
  Write(spec);
  EXPECT_TRUE(Eventually([&] {
    for (const char* name : {"data-pool-0", "data-pool-1"}) {
      const Value claim = *client_.Get(types::PersistentVolumeClaim(), {"default", name});
      if (claim.At("spec", "resources", "requests", "storage").AsString() != "20Gi") return false;
    }
    return true;
  }));
  EXPECT_TRUE(Eventually([&] { return Reason("StorageResizing") == "Resizing"; }));
}

TEST_F(WorkloadControllerTest, StrangersPodOfThatNameIsNamedAndLeftAlone) {
  ASSERT_TRUE(CreatePod("pool-0").ok());
  controller_.Start();
  Write(Spec("r1"));
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "Failed"; }));
  EXPECT_TRUE(client_.Get(types::Pod(), {"default", "pool-1"}).ok()) << "the other one is made";
}

TEST_F(WorkloadControllerTest, WrongSpecIsACondition) {
  controller_.Start();
  resources::WorkloadSpec spec = Spec("r1");
  spec.volume_size = "much";
  Write(spec);
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "InvalidSpec"; }));
}

}  // namespace
}  // namespace millrace::op
