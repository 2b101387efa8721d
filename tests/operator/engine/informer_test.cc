#include "operator/engine/led_controller.h"

#include <gtest/gtest.h>

#include "tests/common/kube/kube_fixture.h"
#include "tests/support/fake_kube_api.h"

namespace millrace::op {
namespace {

using json::Value;
using kube::Eventually;
using resources::ResourceKey;

class InformerTest : public kube::KubeTest {
 protected:
  Value OwnedPod(const std::string& name, const std::string& workload) {
    Value pod = kube::Pod(name);
    Value owner;
    owner["metadata"].Set("name", workload);
    owner["metadata"].Set("uid", "w-1");
    pod["metadata"]["ownerReferences"].Append(
        kube::ControllerReference(kube::MillraceType("Workload", "workloads"), owner));
    return pod;
  }
  Controller::Reconcile Note() {
    return [this](const ResourceKey& key) {
      std::lock_guard lock(mu_);
      keys_.push_back(key.ToString());
      return Outcome::Done();
    };
  }
  // A kind that the server does not have.
  kube::ResourceType Missing() {
    api_.Intercept([](const net::HttpRequest& request, const auto& writer) {
      const bool is_asked_for = request.target.find("/nothings") != std::string::npos;
      if (is_asked_for) {
        testing_support::FakeKubeApi::SendStatus(writer, 404, "NotFound", "no such kind");
      }
      return is_asked_for;
    });
    return kube::MillraceType("Nothing", "nothings");
  }
  size_t CountOf(const std::string& key) {
    std::lock_guard lock(mu_);
    return static_cast<size_t>(std::count(keys_.begin(), keys_.end(), key));
  }
  std::mutex mu_;
  std::vector<std::string> keys_;
};

TEST_F(InformerTest, HandsTheKeysOfOwnersToTheController) {
  ASSERT_TRUE(client_.Create(kube::types::Pod(), OwnedPod("main-0", "main")).ok());
  Informer pods(client_, kube::types::Pod());
  LedController controller("test", 1, SystemClock(), Note());
  controller.Follow(pods, [](const Value& pod) { return ControllerKeys(pod, "Workload"); });
  EXPECT_FALSE(pods.HasSynced());
  controller.Start();
  ASSERT_TRUE(pods.cache().WaitSynced(std::chrono::seconds(5)));
  EXPECT_TRUE(Eventually([&] { return CountOf("default/main") == 1; }));
  ASSERT_TRUE(CreatePod("of-somebody-else").ok());
  ASSERT_TRUE(client_.Delete(kube::types::Pod(), {"default", "main-0"}).ok());
  EXPECT_TRUE(Eventually([&] { return CountOf("default/main") == 2; }));
  controller.Stop();
  EXPECT_EQ(keys_.size(), 2u);
}

TEST_F(InformerTest, FollowsEachOfItsNamespacesAndNoOther) {
  for (const char* ns : {"a", "b", "c"}) {
    ASSERT_TRUE(client_.Create(kube::types::Pod(), kube::Pod("early", ns)).ok());
  }
  InformerOptions options;
  options.namespaces = {"a", "b"};
  Informer pods(client_, kube::types::Pod(), options);
  LedController controller("test", 1, SystemClock(), Note());
  controller.Follow(pods);
  controller.Start();
  ASSERT_TRUE(pods.cache().WaitSynced(std::chrono::seconds(5)));
  for (const char* ns : {"a", "b", "c"}) {
    ASSERT_TRUE(client_.Create(kube::types::Pod(), kube::Pod("late", ns)).ok());
  }
  EXPECT_TRUE(Eventually([&] { return CountOf("a/late") == 1 && CountOf("b/late") == 1; }));
  EXPECT_TRUE(Eventually([&] { return CountOf("a/early") == 1 && CountOf("b/early") == 1; }));
  EXPECT_EQ(CountOf("c/early") + CountOf("c/late"), 0u);
  EXPECT_EQ(pods.cache().Names().size(), 4u);
  EXPECT_TRUE(pods.cache().Get({"b", "late"}));
  EXPECT_FALSE(pods.cache().Get({"c", "late"}));
  EXPECT_EQ(api_.CountOf("GET /api/v1/pods"), 0u);
  controller.Stop();
}

TEST_F(InformerTest, AStandbyFillsItsCachesAndActsWhenItLeads) {
  ASSERT_TRUE(CreatePod("early").ok());
  Informer pods(client_, kube::types::Pod());
  Informer missing(client_, Missing());
  LedController controller("test", 2, SystemClock(), Note());
  controller.Follow(pods);
  controller.Follow(missing, {}, LedController::Need::kAdvice);
  controller.Watch();
  ASSERT_TRUE(Eventually([&] { return controller.HasSynced(); }));
  ASSERT_TRUE(CreatePod("late").ok());
  ASSERT_TRUE(Eventually([&] { return pods.cache().size() == 2; }));
  EXPECT_EQ(CountOf("default/early") + CountOf("default/late"), 0u);
  controller.Start();
  EXPECT_TRUE(
      Eventually([&] { return CountOf("default/early") == 1 && CountOf("default/late") == 1; }));
  controller.Stop();
  controller.Add({"default", "early"});
  EXPECT_EQ(controller.queue_depth(), 0u);
}

TEST_F(InformerTest, NothingIsReconciledBeforeAllIsRead) {
  ASSERT_TRUE(CreatePod("a").ok());
  Informer pods(client_, kube::types::Pod());
  Informer missing(client_, Missing());
  LedController controller("test", 1, SystemClock(), Note());
  controller.Follow(pods);
  controller.Follow(missing, [](const Value&) { return std::vector<ResourceKey>(); });
  controller.Start();
  ASSERT_TRUE(Eventually([&] { return pods.HasSynced(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_FALSE(controller.HasSynced());
  EXPECT_EQ(CountOf("default/a"), 0u);
}

TEST_F(InformerTest, TheGuardWaitsUntilTheCacheHasPassedOurWrites) {
  kube::ObjectCache cache;
  WriteGuard guard;
  const ResourceKey key{"default", "main"};
  EXPECT_TRUE(guard.CaughtUp(key));
  Value pod = kube::Pod("main-0");
  pod["metadata"].Set("uid", "u1");
  pod["metadata"].Set("resourceVersion", "99");
  cache.OnEvent(kube::EventType::kAdded, pod);
  pod["metadata"].Set("resourceVersion", "100");
  guard.Wrote(key, cache, pod);
  EXPECT_FALSE(guard.CaughtUp(key));
  EXPECT_TRUE(guard.CaughtUp({"default", "other"}));
  cache.OnEvent(kube::EventType::kModified, pod);
  EXPECT_TRUE(guard.CaughtUp(key));

  guard.Deleted(key, cache, pod);
  EXPECT_FALSE(guard.CaughtUp(key));
  cache.OnEvent(kube::EventType::kDeleted, pod);
  EXPECT_TRUE(guard.CaughtUp(key));

  // Also when it only hears that the server has come further.
  pod["metadata"].Set("resourceVersion", "120");
  guard.Wrote(key, cache, pod);
  EXPECT_FALSE(guard.CaughtUp(key));
  cache.OnBookmark("121");
  EXPECT_TRUE(guard.CaughtUp(key));
}

}  // namespace
}  // namespace millrace::op
