#include "operator/workload/silent_pods.h"

#include <gtest/gtest.h>

#include "common/resources/conditions.h"
#include "tests/common/kube/kube_fixture.h"

namespace millrace::op {
namespace {

using json::Value;

Value ReadyPod(const std::string& name) {
  Value ready;
  ready.Set("type", "Ready");
  ready.Set("status", "True");
  Value pod;
  pod["metadata"].Set("name", name);
  pod["metadata"].Set("namespace", "default");
  pod["status"]["conditions"].Append(std::move(ready));
  return pod;
}

TEST(PodReadiness, OfAPodThatIsSilentIsFalseAndComesBackWithIt) {
  const std::optional<Value> silent = WithReadiness(ReadyPod("a"), false, 0);
  ASSERT_TRUE(silent);
  const Value& ready = resources::FindCondition((*silent)["status"], "Ready");
  EXPECT_EQ(ready["status"].AsString(), "False");
  EXPECT_EQ(ready["reason"].AsString(), kSilentReason);
  const std::optional<Value> back = WithReadiness(*silent, true, 0);
  ASSERT_TRUE(back);
  EXPECT_EQ(resources::FindCondition((*back)["status"], "Ready")["status"].AsString(), "True");
}

TEST(PodReadiness, ThatTheKubeletHasTakenAwayIsItsToGiveBack) {
  Value pod = ReadyPod("a");
  Value ready = pod.At("status", "conditions").AsArray()[0];
  ready.Set("status", "False");
  ready.Set("reason", "ContainersNotReady");
  pod["status"].Set("conditions", json::Array{ready});
  EXPECT_FALSE(WithReadiness(pod, true, 0));
  EXPECT_FALSE(WithReadiness(pod, false, 0));
}

class SilentPodsTest : public kube::KubeTest {
 protected:
  void Make(const std::string& name) {
    const Value pod = ReadyPod(name);
    ASSERT_TRUE(client_.Create(kube::types::Pod(), pod).ok());
    ASSERT_TRUE(client_.UpdateStatus(kube::types::Pod(), pod).ok());
  }
  std::string ReadyOf(const std::string& name) {
    const auto pod = client_.Get(kube::types::Pod(), {"default", name});
    EXPECT_TRUE(pod.ok());
    return resources::FindCondition((*pod)["status"], "Ready")["status"].AsString();
  }
  SilentPods pods_{client_, SystemClock()};
};

TEST_F(SilentPodsTest, OneThatCeasesToAnswerLeavesItsServicesUntilItDoesAgain) {
  Make("a");
  Make("b");
  EXPECT_TRUE(pods_.Reconcile("default", {{"a", true}, {"b", false}}).error().ok());
  EXPECT_EQ(ReadyOf("a"), "True");
  EXPECT_EQ(ReadyOf("b"), "False");
  EXPECT_TRUE(pods_.Reconcile("default", {{"a", true}, {"b", true}}).error().ok());
  EXPECT_EQ(ReadyOf("b"), "True");
}

TEST_F(SilentPodsTest, WhereNoneAnswersNoneIsTakenOut) {
  Make("a");
  EXPECT_TRUE(pods_.Reconcile("default", {{"a", false}}).error().ok());
  EXPECT_EQ(ReadyOf("a"), "True");
}

TEST_F(SilentPodsTest, AKubeletThatKnowsBetterHasTheLastWord) {
  Make("a");
  Make("b");
  EXPECT_TRUE(pods_.Reconcile("default", {{"a", true}, {"b", false}}).error().ok());
  ASSERT_TRUE(client_.UpdateStatus(kube::types::Pod(), ReadyPod("b")).ok());
  EXPECT_TRUE(pods_.Reconcile("default", {{"a", true}, {"b", false}}).error().ok());
  EXPECT_EQ(ReadyOf("b"), "True");
}

}  // namespace
}  // namespace millrace::op
