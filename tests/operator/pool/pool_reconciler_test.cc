#include "operator/pool/pool_reconciler.h"

#include <gtest/gtest.h>

#include "common/resources/conditions.h"
#include "operator/pool/pool_objects.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;
using kube::Eventually;
namespace types = kube::types;

class PoolReconcilerTest : public kube::KubeTest {
 protected:
  void TearDown() override { reconciler_.Stop(); }
  static PoolReconcilerOptions Options() {
    PoolReconcilerOptions options;
    options.settings.ns = "millrace";
    options.settings.image = "shard:1";
    options.settings.internal_token_secret = "millrace-internal";
    options.settings.internal_token = "secret";
    return options;
  }
  void Create(std::string_view spec = "{}") {
    Value pool;
    pool["metadata"].Set("name", "fast");
    pool["metadata"].Set("namespace", "default");
    pool.Set("spec", *json::ParseJson(spec));
    ASSERT_TRUE(client_.Create(StreamPoolType(), pool).ok());
  }
  Result<Value> Get(const kube::ResourceType& type, const std::string& name) {
    return client_.Get(type, {"default", name});
  }
  std::string Reason(const std::string& type) {
    const auto pool = Get(StreamPoolType(), "fast");
    if (!pool.ok()) return "";
    return resources::FindCondition((*pool)["status"], type)["reason"].AsString();
  }
  size_t Writes() { return api_.CountOf("PUT ") + api_.CountOf("POST ") + api_.CountOf("PATCH "); }

  kube::EventRecorder events_{client_, SystemClock(), "pool", "test"};
  PoolReconciler reconciler_{client_, SystemClock(), events_, Options()};
};

TEST_F(PoolReconcilerTest, MakesEverythingAPoolNeeds) {
  reconciler_.Start();
  Create();
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_TRUE(Get(PoolWorkloadType(), "fast").ok());
  EXPECT_TRUE(Get(types::Service(), "fast").ok());
  EXPECT_TRUE(Get(types::Service(), "fast-clients").ok());
  EXPECT_TRUE(Get(types::PodDisruptionBudget(), "fast").ok());
  EXPECT_TRUE(Get(types::NetworkPolicy(), "fast").ok());
  EXPECT_TRUE(Get(types::ConfigMap(), "fast-connection").ok());
  EXPECT_TRUE(Get(types::Secret(), "millrace-internal").ok());
  const auto keys = Get(types::Secret(), "fast-keys");
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->At("stringData", "master-key").AsString().size(), 64u);
}

TEST_F(PoolReconcilerTest, KeyThatIsThereIsNeverChanged) {
  Value secret;
  secret["metadata"].Set("name", "fast-keys");
  secret["metadata"].Set("namespace", "default");
  secret["stringData"].Set("master-key", "old");
  ASSERT_TRUE(client_.Create(types::Secret(), secret).ok());
  reconciler_.Start();
  Create();
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_EQ(Get(types::Secret(), "fast-keys")->At("stringData", "master-key").AsString(), "old");
}

TEST_F(PoolReconcilerTest, DriftIsRepairedAndAtRestNothingIsWritten) {
  reconciler_.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const size_t writes = Writes();
  reconciler_.Add({"default", "fast"});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(Writes(), writes);
  ASSERT_TRUE(client_.Delete(types::Service(), {"default", "fast"}).ok());
  EXPECT_TRUE(Eventually([&] { return Get(types::Service(), "fast").ok(); }));
}

TEST_F(PoolReconcilerTest, OneObjectThatFailsHoldsUpNoOtherAndIsNamed) {
  api_.Intercept([](const net::HttpRequest& request,
                    const testing_support::FakeKubeApi::Writer& writer) {
    if (request.method != "PATCH" || request.path.find("networkpolicies") == std::string::npos) {
      return false;
    }
    testing_support::FakeKubeApi::SendStatus(writer, 403, "Forbidden", "not allowed");
    return true;
  });
  reconciler_.Start();
  Create();
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "Failed"; }));
  EXPECT_TRUE(Eventually([&] { return Get(PoolWorkloadType(), "fast").ok(); }));
}

TEST_F(PoolReconcilerTest, ChangeOfTheSpecReachesTheWorkload) {
  reconciler_.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Get(PoolWorkloadType(), "fast").ok(); }));
  const std::string before = Get(PoolWorkloadType(), "fast")->At("spec", "revision").AsString();
  Value patch;
  patch["spec"].Set("image", "shard:2");
  ASSERT_TRUE(client_.MergePatch(StreamPoolType(), {"default", "fast"}, patch).ok());
  EXPECT_TRUE(Eventually([&] {
    return Get(PoolWorkloadType(), "fast")->At("spec", "revision").AsString() != before;
  }));
}

}  // namespace
}  // namespace millrace::op
