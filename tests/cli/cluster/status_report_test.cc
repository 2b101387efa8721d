#include "cli/cluster/status_report.h"

#include <gmock/gmock.h>

#include "cli/cluster/cluster_flags.h"
#include "tests/cli/cluster/cluster_world.h"

namespace millrace::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Screen(const ClusterView& view, const std::string& ns = "") {
  const std::string text = StatusText(StatusReport(view, ns), view.now);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 100u) << text.substr(at, end - at);
    at = end + 1;
  }
  return text;
}

TEST(StatusReport, ClusterThatIsWellIsOneScreenThatSaysSo) {
  ClusterView view = GoodView();
  view.loads = LoadsOf({MapOn({"default-0", "default-1"})});
  view.pods.push_back(OperatorPod());  // of a job that is done, as `helm test` leaves it
  view.pods.back()["metadata"]["labels"].Set("app.kubernetes.io/component", "test");
  view.pods.back()["status"].Set("phase", "Succeeded");
  view.pods.back()["status"].Set("conditions",
                                 json::Array{Condition("Ready", false, "PodCompleted")});
  const std::string text = Screen(view);
  EXPECT_THAT(text, HasSubstr("Operator millrace/m-operator: m-operator-1 leads since 60m"));
  EXPECT_THAT(text, HasSubstr("millrace/default-1  Running  1      0         1"));
  EXPECT_THAT(text, HasSubstr("team/orders"));
  EXPECT_THAT(text, HasSubstr("All is well."));
}

TEST(StatusReport, WhatIsNotWellIsNamedWithItsReasonAndSinceWhen) {
  ClusterView view = GoodView();
  view.pods[1] = UnschedulablePod("default-1");
  view.leaders[0].holder.clear();
  view.pods[2]["status"].Set("containerStatuses", Json(R"([{"name":"operator",
    "state":{"waiting":{"reason":"CrashLoopBackOff"}}}])"));
  view.streams.push_back(Object("Stream", "team", "bad",
                                {Condition("Ready", false, "NameTaken", "belongs to another")}));
  view.users.push_back(Object("StreamUser", "team", "new"));
  const std::string text = Screen(view);
  EXPECT_THAT(text, HasSubstr("pod/default-1 in millrace since 2m: Unschedulable"));
  EXPECT_THAT(text, HasSubstr("stream/bad in team since 5m: NameTaken: belongs to another"));
  EXPECT_THAT(text, HasSubstr("streamuser/new in team since 60m: NotSeen"));
  EXPECT_THAT(text, HasSubstr("no operator leads"));
  EXPECT_THAT(text, HasSubstr("pod/m-operator-1 in millrace since 5m: CrashLoopBackOff"));
  EXPECT_THAT(text, Not(HasSubstr("All is well")));
}

TEST(StatusReport, UpgradeAndEnlargementUnderWayAreShown) {
  ClusterView view = GoodView();
  json::Value& status = view.pools[0]["status"];
  status["conditions"].Append(
      Condition("Progressing", true, "Draining", "waiting for the write heads to leave default-1"));
  status["conditions"].Append(Condition("StorageResizing", true, "Resizing", "1 of 2 volumes"));
  status.Set("updatedReplicas", 1);
  status.Set("currentRevision", "old");
  status.Set("updatedRevision", "new");
  status["storage"].Set("requested", "20Gi");
  status["storage"].Set("actual", "10Gi");
  view.workloads[0]["status"].Set("draining", Json(R"(["default-1"])"));
  const std::string text = Screen(view);
  EXPECT_THAT(text, HasSubstr("old>new"));
  EXPECT_THAT(text, HasSubstr("10Gi of 20Gi"));
  EXPECT_THAT(text, HasSubstr("Running, draining"));
  EXPECT_THAT(text, HasSubstr("1 of 2 pods updated, Draining since 5m"));
  EXPECT_THAT(text, HasSubstr("Resizing since 5m: 1 of 2 volumes"));
}

TEST(StatusReport, NamespaceShowsItsStreamsAndThePoolsTheyAreOnElsewhere) {
  ClusterView view = GoodView();
  view.streams.push_back(
      Object("Stream", "other", "hidden", {Condition("Ready", false, "NameTaken")}));
  view.pools.push_back(
      Object("StreamPool", "far", "unused", {Condition("Ready", true, "AllReady")}));
  const std::string text = Screen(view, "team");
  EXPECT_THAT(text, HasSubstr("millrace/default"));
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
  EXPECT_THAT(text, Not(HasSubstr("unused")));
}

TEST(StatusReport, ThousandStreamsStayOneScreenWithTheBadOnesFirst) {
  ClusterView view = GoodView();
  view.streams.clear();
  for (int i = 0; i < 1000; ++i) {
    view.streams.push_back(Object("Stream", "team", "stream-" + std::to_string(1000 + i),
                                  {Condition("Ready", i != 900, "Active")}));
  }
  const std::string text = Screen(view);
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 50);
  EXPECT_THAT(text, HasSubstr("stream-1900"));
  EXPECT_THAT(text, HasSubstr("and 980 more"));
}

TEST(PodLoad, HeadsAndUnsealedExtentsAreCountedAndDeletedStreamsHaveNone) {
  resources::ShardMap moved = MapOn({"a", "b"});
  moved.shards[0].extents[0].end_index.reset();
  resources::ShardMap deleted = MapOn({"a"}, "gone");
  deleted.deleting = true;
  auto loads = LoadsOf({moved, deleted});
  EXPECT_EQ(loads["a"].heads, 0u);
  EXPECT_EQ(loads["a"].unsealed, 1u);
  EXPECT_EQ(loads["a"].extents, 2u);
  EXPECT_EQ(loads["b"].heads, 1u);
  EXPECT_FALSE(loads["a"].drained());
}

TEST_F(ClusterTest, ViewReadsEverythingOnceAndFindsTheLeaderByTheOperatorsPods) {
  MakeGoodCluster();
  MakeMap(MapOn({"default-1"}));
  Make(kube::types::Lease(),
       Json(R"({"metadata":{"namespace":"millrace","name":"m-operator"},"spec":{
         "holderIdentity":"m-operator-1_x","renewTime":"2026-11-21T11:59:59.500000Z"}})"));
  Result<ClusterView> view = ReadCluster(client_, "team", Noon());
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  EXPECT_EQ(view->streams.size(), 1u);
  ASSERT_EQ(view->leaders.size(), 1u);
  EXPECT_TRUE(view->leaders[0].IsAlive(view->now));
  EXPECT_EQ(view->loads->at("default-1").heads, 1u);
  EXPECT_TRUE(view->unread.empty());
}

TEST_F(ClusterTest, WhatMayNotBeReadIsNamedAndTheRestIsShown) {
  MakeGoodCluster();
  Forbid("/pods");
  Result<ClusterView> view = ReadCluster(client_, "team", Noon());
  ASSERT_TRUE(view.ok()) << view.status().ToString();
  ASSERT_EQ(view->unread.size(), 1u);
  EXPECT_THAT(Screen(*view), HasSubstr("Not looked at: pods: you may not list /pods"));
}

TEST_F(ClusterTest, UserWhoMayReadNothingAndClusterWithoutOurKindsAreToldWhatToDo) {
  Forbid("millrace.dev");
  const Status forbidden = ReadCluster(client_, "team", Noon()).status();
  EXPECT_EQ(forbidden.code(), Code::kAccessDenied);
  EXPECT_THAT(ExplainFailure(forbidden, ""), HasSubstr("ask for the right"));
  api_.Intercept([](const net::HttpRequest&, const testing_support::FakeKubeApi::Writer& writer) {
    writer->Send(
        {404, {{"Content-Type", "text/plain"}}, {Slice::FromString("404 page not found")}});
    return true;
  });
  const Status missing = ReadCluster(client_, "team", Noon()).status();
  EXPECT_THAT(ExplainFailure(missing, ""), HasSubstr("install the chart"));
}

TEST(ClusterFlags, MissingKubeconfigAndPlugInCredentialsSayWhatToDo) {
  config::Settings settings("x", "y");
  ClusterFlags flags(settings);
  ASSERT_TRUE(settings.Parse({"--kubeconfig", "/nowhere/config"}).ok());
  EXPECT_THAT(flags.Connect().status().message(), HasSubstr("there is no kubeconfig"));
  config::Settings proxied("x", "y");
  ClusterFlags by_server(proxied);
  ASSERT_TRUE(proxied.Parse({"--server", "http://127.0.0.1:1", "-n", "team"}).ok());
  auto client = by_server.Connect();
  ASSERT_TRUE(client.ok());
  EXPECT_EQ(by_server.Namespace(**client), "team");
}

}  // namespace
}  // namespace millrace::cli
