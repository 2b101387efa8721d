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

const kube::ResourceType kBinding{"rbac.authorization.k8s.io", "v1", "ClusterRoleBinding",
                                  "clusterrolebindings", false};

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

TEST_F(PoolReconcilerTest, APoolElsewhereGetsAnAccountThatIsBoundUntilItsLastPoolIsGone) {
  Value binding;
  binding["metadata"].Set("name", "the-binding");
  ASSERT_TRUE(client_.Create(kBinding, binding).ok());
  PoolReconcilerOptions options = Options();
  options.settings.account_binding = "the-binding";
  PoolReconciler reconciler(client_, SystemClock(), events_, options);
  reconciler.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_TRUE(Get(types::ServiceAccount(), "millrace-shard").ok());
  auto subjects = [&] { return (*client_.Get(kBinding, {"", "the-binding"}))["subjects"]; };
  ASSERT_EQ(subjects().AsArray().size(), 1u);
  EXPECT_EQ(subjects().AsArray()[0]["namespace"].AsString(), "default");
  EXPECT_EQ(subjects().AsArray()[0]["name"].AsString(), "millrace-shard");
  ASSERT_TRUE(client_.Delete(StreamPoolType(), {"default", "fast"}).ok());
  EXPECT_TRUE(Eventually([&] { return subjects().AsArray().empty(); }));
  reconciler.Stop();
}

class PullSecretTest : public PoolReconcilerTest {
 protected:
  // Of a release in `millrace` that pulls its images by `registry`.
  static PoolReconcilerOptions WithPullSecret() {
    PoolReconcilerOptions options = Options();
    options.settings.image_pull_secrets = {"registry"};
    return options;
  }
  void TearDown() override {
    elsewhere_.Stop();
    PoolReconcilerTest::TearDown();
  }
  Value Secret(const std::string& ns, const std::string& name, const std::string& text,
               const std::string& type = "kubernetes.io/dockerconfigjson") {
    Value secret;
    secret["metadata"].Set("name", name);
    secret["metadata"].Set("namespace", ns);
    secret.Set("type", type);
    secret["data"].Set(".dockerconfigjson", text);
    return *client_.Create(types::Secret(), secret);
  }
  std::string TextOf(const std::string& name) {
    const auto secret = Get(types::Secret(), name);
    return secret.ok() ? secret->At("data", ".dockerconfigjson").AsString() : "none";
  }
  std::string PullSecretsOfPods() {
    const auto workload = Get(PoolWorkloadType(), "fast");
    if (!workload.ok()) return "";
    return json::WriteJson(workload->At("spec", "template", "spec", "imagePullSecrets"));
  }
  PoolReconciler elsewhere_{client_, SystemClock(), events_, WithPullSecret()};
};

TEST_F(PullSecretTest, APoolElsewhereThatNamesNoneGetsACopyOfTheInstallations) {
  Value source = Secret("millrace", "registry", "old");
  elsewhere_.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_EQ(TextOf("registry"), "old");
  EXPECT_EQ(PullSecretsOfPods(), R"([{"name":"registry"}])");
  source["data"].Set(".dockerconfigjson", "new");
  ASSERT_TRUE(client_.Update(types::Secret(), source).ok());
  elsewhere_.Add({"default", "fast"});
  EXPECT_TRUE(Eventually([&] { return TextOf("registry") == "new"; }));
}

TEST_F(PullSecretTest, OneThatIsThereAlreadyIsLeftAlone) {
  Secret("millrace", "registry", "of the release");
  Secret("default", "registry", "of the team");
  elsewhere_.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
  EXPECT_EQ(TextOf("registry"), "of the team");
}

// Whoever may write a pool would else read any Secret of the release's namespace by its name.
TEST_F(PullSecretTest, WhatTheInstallationDoesNotNameIsNotCopiedAndTheConditionSaysSo) {
  Secret("millrace", "registry", "fine");
  Secret("millrace", "others", "not for you");
  elsewhere_.Start();
  Create(R"({"imagePullSecrets":[{"name":"others"}]})");
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "PullSecretMissing"; }));
  EXPECT_EQ(TextOf("others"), "none");
  EXPECT_EQ(TextOf("registry"), "none");
  EXPECT_EQ(PullSecretsOfPods(), R"([{"name":"others"}])");
  Secret("default", "others", "my own");
  elsewhere_.Add({"default", "fast"});
  EXPECT_TRUE(Eventually([&] { return Reason("Reconciled") == "Reconciled"; }));
}

TEST_F(PullSecretTest, ASecretThatIsNotForImagesIsNotCopied) {
  Secret("millrace", "registry", "a password", "Opaque");
  elsewhere_.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Reason("Reconciled") == "PullSecretMissing"; }));
  EXPECT_EQ(TextOf("registry"), "none");
}

TEST_F(PoolReconcilerTest, OfTwoPoolsOfOneNameOnlyOneIsMadeUntilItIsGone) {
  Create();
  Value namesake;
  namesake["metadata"].Set("name", "fast");
  namesake["metadata"].Set("namespace", "other");  // as old, and later in the alphabet
  namesake.Set("spec", json::Object{});
  ASSERT_TRUE(client_.Create(StreamPoolType(), namesake).ok());
  reconciler_.Start();
  ASSERT_TRUE(Eventually([&] {
    const auto pool = client_.Get(StreamPoolType(), {"other", "fast"});
    return resources::FindCondition((*pool)["status"], "Ready")["reason"].AsString() ==
           "InvalidSpec";
  }));
  EXPECT_TRUE(Eventually([&] { return Get(PoolWorkloadType(), "fast").ok(); }));
  EXPECT_FALSE(client_.Get(PoolWorkloadType(), {"other", "fast"}).ok());
  ASSERT_TRUE(client_.Delete(StreamPoolType(), {"default", "fast"}).ok());
  EXPECT_TRUE(Eventually([&] { return client_.Get(PoolWorkloadType(), {"other", "fast"}).ok(); }));
}

TEST_F(PoolReconcilerTest, APoolThatIsMadeKeepsItsNameWhoeverComesInTheSameSecond) {
  reconciler_.Start();
  Create();
  ASSERT_TRUE(Eventually([&] { return Get(PoolWorkloadType(), "fast").ok(); }));
  Value namesake;
  namesake["metadata"].Set("name", "fast");
  namesake["metadata"].Set("namespace", "another");  // before it in the alphabet
  namesake.Set("spec", json::Object{});
  ASSERT_TRUE(client_.Create(StreamPoolType(), namesake).ok());
  ASSERT_TRUE(Eventually([&] {
    const auto pool = client_.Get(StreamPoolType(), {"another", "fast"});
    return resources::FindCondition((*pool)["status"], "Ready")["reason"].AsString() ==
           "InvalidSpec";
  }));
  EXPECT_FALSE(client_.Get(PoolWorkloadType(), {"another", "fast"}).ok());
  EXPECT_NE(Reason("Ready"), "InvalidSpec");
}

}  // namespace
}  // namespace millrace::op
