#include "cli/cluster/why_chain.h"

#include <gmock/gmock.h>

#include "tests/cli/cluster/cluster_world.h"

namespace millrace::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Why(const ClusterView& view, std::string_view kind, const std::string& ns,
                const std::string& name) {
  Result<WhyAnswer> answer = ExplainWhy(view, kind, {ns, name});
  return answer.ok() ? WhyText(*answer) : answer.status().ToString();
}

json::Value NotReady(const char* kind, const char* ns, const char* name, const char* reason,
                     const char* message) {
  return Object(kind, ns, name, {Condition("Ready", false, reason, message)});
}

TEST(WhyChain, StreamThatIsWellIsSaidToWaitForNothing) {
  const std::string text = Why(GoodView(), "stream", "team", "orders");
  EXPECT_EQ(text,
            "stream/orders in team is ready since 5m: Active: 4 shards serving\n"
            "  streampool/default in millrace is ready since 5m: AllReady: 2 of 2 pods are ready\n"
            "    workload/default in millrace is ready since 5m: AllReady\n"
            "Nothing is waited for.\n");
}

TEST(WhyChain, StreamLeadsThroughPoolAndWorkloadToThePodThatNoNodeHasRoomFor) {
  ClusterView view = GoodView();
  view.streams = {NotReady("Stream", "team", "orders", "PoolNotReady", "no pod answers yet")};
  view.pools = {NotReady("StreamPool", "millrace", "default", "WaitingForPods", "1 of 2")};
  view.workloads = {NotReady("Workload", "millrace", "default", "WaitingForPods", "1 of 2")};
  view.pods[1] = UnschedulablePod("default-1");
  view.events = {WarningAbout("Pod", "default-1", "FailedScheduling", "no room"),
                 WarningAbout("Pod", "default-0", "Unhealthy", "of another pod, which is well")};
  const std::string text = Why(view, "stream", "team", "orders");
  EXPECT_THAT(text, HasSubstr("stream/orders in team is not ready since 5m: PoolNotReady"));
  EXPECT_THAT(text, HasSubstr("\n      pod/default-1 waits to be scheduled: 0/3 nodes are"));
  EXPECT_THAT(text, HasSubstr("event 60s ago (7 times): FailedScheduling: no room"));
  EXPECT_THAT(text, HasSubstr("No node has room for pod default-1"));
  EXPECT_THAT(text, Not(HasSubstr("of another pod")));
}

TEST(WhyChain, PodsWithOneTroubleGetOneAdvice) {
  ClusterView view = GoodView();
  view.pods = {UnschedulablePod("default-0"), UnschedulablePod("default-1"), OperatorPod()};
  Result<WhyAnswer> answer = ExplainWhy(view, "streampool", {"millrace", "default"});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->advice.size(), 1u);
  EXPECT_FALSE(answer->is_well);
}

TEST(WhyChain, ImageThatCannotBePulledIsNamedWithTheFieldToMend) {
  ClusterView view = GoodView();
  view.pods[0]["status"].Set(
      "containerStatuses", Json(R"([{"name":"shard","state":{"waiting":{"reason":"ImagePullBackOff",
        "message":"Back-off pulling image \"millrace:none\""}}}])"));
  const std::string text = Why(view, "workload", "millrace", "default");
  EXPECT_THAT(text, HasSubstr("container shard is in ImagePullBackOff"));
  EXPECT_THAT(text, HasSubstr("check spec.image"));
}

TEST(WhyChain, ContainerThatIsKilledForItsMemoryIsNotJustCalledCrashing) {
  ClusterView view = GoodView();
  view.pods[0]["status"].Set(
      "containerStatuses",
      Json(R"([{"name":"shard","state":{"waiting":{"reason":"CrashLoopBackOff"}},
        "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}])"));
  const std::string text = Why(view, "pod", "millrace", "default-0");
  EXPECT_THAT(text, HasSubstr("exit code 137, OOMKilled"));
  EXPECT_THAT(text, HasSubstr("more memory"));
}

TEST(WhyChain, ClaimWithoutAVolumeAndOneThatCannotGrowAreTold) {
  ClusterView view = GoodView();
  view.claims[0]["status"].Set("phase", "Pending");
  view.claims[1]["status"]["allocatedResourceStatuses"].Set("storage",
                                                            "ControllerResizeInfeasible");
  const std::string text = Why(view, "streampool", "millrace", "default");
  EXPECT_THAT(text, HasSubstr("claim/data-default-0 is Pending: class fast (since 10m)"));
  EXPECT_THAT(text, HasSubstr("claim/data-default-1 cannot be enlarged"));
  EXPECT_THAT(text, HasSubstr("set spec.storage.size back"));
}

TEST(WhyChain, PoolThatIsNowhereAndPodThatIsMissingAreTold) {
  ClusterView view = GoodView();
  view.streams = {NotReady("Stream", "team", "orders", "PoolNotFound", "there is no pool big")};
  view.streams[0]["spec"]["placement"]["poolRef"].Set("name", "big");
  EXPECT_THAT(Why(view, "stream", "team", "orders"), HasSubstr("streampool/big is not there"));
  view.pods.erase(view.pods.begin());
  EXPECT_THAT(Why(view, "workload", "millrace", "default"),
              HasSubstr("pod/default-0 is not there"));
}

TEST(WhyChain, OperatorThatDoesNotLeadIsTheCauseOfWhatNobodyActsOn) {
  ClusterView view = GoodView();
  view.streams[0]["metadata"].Set("generation", 2);
  view.leaders[0].renewed_ms = view.now - 60'000;
  view.pods[2]["status"].Set("containerStatuses", Json(R"([{"name":"operator",
    "state":{"waiting":{"reason":"ImagePullBackOff"}}}])"));
  const std::string text = Why(view, "stream", "team", "orders");
  EXPECT_THAT(text, HasSubstr("the operator has only seen generation 1"));
  EXPECT_THAT(text, HasSubstr("has been silent for 60s"));
  EXPECT_THAT(text, HasSubstr("Nobody acts on resources"));
  EXPECT_THAT(text, HasSubstr("pod/m-operator-1 container operator is in ImagePullBackOff"));
}

TEST(WhyChain, ResourceThatIsBeingDeletedSaysWhatItsFinalizersAre) {
  ClusterView view = GoodView();
  view.streams[0]["metadata"].Set("deletionTimestamp", "2026-11-21T11:59:00Z");
  view.streams[0]["metadata"].Set("finalizers", Json(R"(["millrace.dev/shards"])"));
  EXPECT_THAT(Why(view, "stream", "team", "orders"),
              HasSubstr("is being deleted since 60s and waits for its finalizers: millrace.dev/"));
}

TEST(WhyChain, NameInAnotherNamespaceIsPointedTo) {
  EXPECT_THAT(Why(GoodView(), "stream", "default", "orders"), HasSubstr("there is one in team"));
}

TEST(WhyChain, KindsGoByAllTheirNames) {
  EXPECT_EQ(KindByWord("strm"), "stream");
  EXPECT_EQ(KindByWord("spool"), "streampool");
  EXPECT_EQ(KindByWord("suser"), "streamuser");
  EXPECT_EQ(KindByWord("secret"), "");
}

TEST(WhyChain, LinesFitTheScreen) {
  ClusterView view = GoodView();
  const std::string message(40, 'x');
  const std::string many = message + " " + message + " " + message + " " + message;
  view.streams = {NotReady("Stream", "team", "orders", "InvalidSpec", many.c_str())};
  const std::string text = Why(view, "stream", "team", "orders");
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 100u) << text.substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace millrace::cli
