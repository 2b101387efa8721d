#include "operator/stream_user/stream_user_reconciler.h"

#include <gtest/gtest.h>

#include "common/codec/base64.h"
#include "common/resources/conditions.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;
using kube::Eventually;
namespace types = kube::types;

class StreamUserReconcilerTest : public kube::KubeTest {
 protected:
  void SetUp() override {
    Value pool;
    pool["metadata"].Set("name", "fast");
    pool["metadata"].Set("namespace", "default");
    pool["spec"].Set("authentication", "SigV4");
    ASSERT_TRUE(client_.Create(kube::MillraceType("StreamPool", "streampools"), pool).ok());
  }
  void TearDown() override { reconciler_.Stop(); }
  void CreateUser(const std::string& name, std::string_view spec = "{}") {
    Value user;
    user["metadata"].Set("name", name);
    user["metadata"].Set("namespace", "default");
    user.Set("spec", *json::ParseJson(spec));
    ASSERT_TRUE(client_.Create(StreamUserType(), user).ok());
  }
  Value Get(const kube::ResourceType& type, const std::string& name) {
    const auto found = client_.Get(type, {"default", name});
    return found.ok() ? *found : Value();
  }
  std::string File() {
    const Value secret = Get(types::Secret(), "fast-access-keys");
    return codec::Base64Decode(secret.At("data", "keys.yaml").AsString()).value_or("");
  }
  std::string Reason(const std::string& user) {
    return resources::FindCondition(Get(StreamUserType(), user)["status"], "Ready")["reason"]
        .AsString();
  }
  std::string KeyOf(const std::string& user) {
    return Get(StreamUserType(), user).At("status", "accessKeyId").AsString();
  }
  bool FileHas(const std::string& text) {
    return Eventually([&] { return File().find(text) != std::string::npos; });
  }

  kube::EventRecorder events_{client_, SystemClock(), "user", "test"};
  StreamUserReconciler reconciler_{client_, SystemClock(), events_, {}};
};

TEST_F(StreamUserReconcilerTest, PoolWithoutUsersGetsAFileThatLetsNobodyIn) {
  reconciler_.Start();
  EXPECT_TRUE(Eventually([&] { return File() == "[]"; }));
}

TEST_F(StreamUserReconcilerTest, UserGetsASecretAndEveryPoolHisKey) {
  reconciler_.Start();
  CreateUser("checkout", R"({"permissions":[{"actions":["*"],"streams":["orders"]}]})");
  EXPECT_TRUE(Eventually([&] { return Reason("checkout") == "KeysPublished"; }));
  EXPECT_TRUE(FileHas(KeyOf("checkout")));
  EXPECT_TRUE(FileHas("\"orders\""));
  const Value secret = Get(types::Secret(), "checkout-credentials");
  EXPECT_EQ(KeysIn(secret)->current.id, KeyOf("checkout"));
}

TEST_F(StreamUserReconcilerTest, RotationKeepsTheOldKeyForAWhileAndDeletionTakesAll) {
  reconciler_.Start();
  CreateUser("checkout", R"({"previousKeySeconds":1})");
  ASSERT_TRUE(Eventually([&] { return !KeyOf("checkout").empty(); }));
  const std::string old = KeyOf("checkout");
  Value patch;
  patch["spec"].Set("rotation", int64_t{1});
  ASSERT_TRUE(client_.MergePatch(StreamUserType(), {"default", "checkout"}, patch).ok());
  ASSERT_TRUE(Eventually([&] { return KeyOf("checkout") != old; }));
  const std::string now = KeyOf("checkout");
  EXPECT_TRUE(FileHas(now));
  EXPECT_TRUE(Eventually([&] { return File().find(old) == std::string::npos; }));
  EXPECT_TRUE(FileHas(now));
  ASSERT_TRUE(client_.Delete(StreamUserType(), {"default", "checkout"}).ok());
  EXPECT_TRUE(Eventually([&] { return File() == "[]"; }));
}

TEST_F(StreamUserReconcilerTest, SecretOfSomebodyElseIsNotTouched) {
  Value secret;
  secret["metadata"].Set("name", "checkout-credentials");
  secret["metadata"].Set("namespace", "default");
  secret["data"].Set("password", "eA==");
  ASSERT_TRUE(client_.Create(types::Secret(), secret).ok());
  reconciler_.Start();
  CreateUser("checkout");
  EXPECT_TRUE(Eventually([&] { return Reason("checkout") == "SecretTaken"; }));
  EXPECT_FALSE(Get(types::Secret(), "checkout-credentials").At("data").Has("AWS_ACCESS_KEY_ID"));
  CreateUser("other");
  EXPECT_TRUE(Eventually([&] { return Reason("other") == "KeysPublished"; }));
  EXPECT_TRUE(FileHas(KeyOf("other"))) << "one user's trouble is nobody else's";
}

TEST_F(StreamUserReconcilerTest, AnotherLeaderKeepsTheKeysThereAre) {
  reconciler_.Start();
  CreateUser("checkout");
  ASSERT_TRUE(Eventually([&] { return !KeyOf("checkout").empty(); }));
  const std::string key = KeyOf("checkout");
  EXPECT_TRUE(FileHas(key));
  reconciler_.Stop();
  StreamUserReconciler next{client_, SystemClock(), events_, {}};
  next.Start();
  CreateUser("other");
  EXPECT_TRUE(Eventually([&] { return Reason("other") == "KeysPublished"; }));
  EXPECT_TRUE(FileHas(KeyOf("other")));
  EXPECT_TRUE(FileHas(key));
  EXPECT_EQ(KeyOf("checkout"), key);
  next.Stop();
}

}  // namespace
}  // namespace millrace::op
