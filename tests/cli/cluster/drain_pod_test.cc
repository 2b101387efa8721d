#include "cli/cluster/drain_pod.h"

#include <gmock/gmock.h>

#include "cli/cluster/stream_endpoint.h"
#include "tests/cli/cluster/cluster_world.h"

namespace millrace::cli {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

class DrainPodTest : public ClusterTest {
 protected:
  void SetUp() override { MakeGoodCluster(); }
  void SetDraining(const char* pods) {
    json::Value workload = *client_.Get(types::Workload(), {"millrace", "default"});
    workload["status"].Set("draining", Json(pods));
    ASSERT_TRUE(client_.UpdateStatus(types::Workload(), workload).ok());
  }
  std::string Asked(const std::string& pod) {
    return client_.Get(kube::types::Pod(), {"millrace", pod})
        ->At("metadata", "annotations")["millrace.dev/drain"]
        .AsString();
  }
  Status Drain(const std::string& pod, milliseconds time_max = milliseconds(300)) {
    DrainOptions options{{"millrace", pod}, time_max, milliseconds(10)};
    return DrainPod(client_, options, [&](const PodLoad& load) {
      heads_.push_back(load.heads);
      if (on_progress_) on_progress_();
    });
  }
  std::vector<size_t> heads_;
  std::function<void()> on_progress_;
};

TEST_F(DrainPodTest, AsksByAnAnnotationAndWaitsUntilTheLastHeadHasLeft) {
  MakeMap(MapOn({"default-1"}));
  on_progress_ = [&, step = 0]() mutable {
    if (step++ > 0) return;
    EXPECT_EQ(Asked("default-1"), "true");
    SetDraining(R"(["default-1"])");
    SetMap(MapOn({"default-1", "default-0"}));
  };
  const Status done = Drain("default-1", milliseconds(5'000));
  EXPECT_TRUE(done.ok()) << done.ToString();
  EXPECT_THAT(heads_, ElementsAre(1u, 0u));
}

TEST_F(DrainPodTest, HeadThatDoesNotLeaveInTimeIsToldWithItsStream) {
  MakeMap(MapOn({"default-1"}));
  SetDraining(R"(["default-1"])");
  const Status late = Drain("default-1");
  EXPECT_EQ(late.code(), Code::kTimeout);
  EXPECT_THAT(late.message(), HasSubstr("1 write heads and 0 unsealed extents of orders"));
}

TEST_F(DrainPodTest, PodWithoutHeadsIsNotDrainedBeforeTheOperatorHasHeardOfIt) {
  const Status late = Drain("default-1");
  EXPECT_EQ(late.code(), Code::kTimeout);
  EXPECT_THAT(late.message(), HasSubstr("the operator has not taken up"));
}

TEST_F(DrainPodTest, LastPodThatCanTakeWritesIsRefusedAndNotAsked) {
  ASSERT_TRUE(Drain("default-0", milliseconds(0)).ok());
  const Status refused = Drain("default-1");
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("nowhere to go; default-0 is drained, too"));
  EXPECT_EQ(Asked("default-1"), "");
}

TEST_F(DrainPodTest, UndoTakesTheRequestBack) {
  ASSERT_TRUE(Drain("default-1", milliseconds(0)).ok());
  EXPECT_EQ(Asked("default-1"), "true");
  ASSERT_TRUE(UndrainPod(client_, {"millrace", "default-1"}).ok());
  EXPECT_EQ(Asked("default-1"), "");
}

TEST_F(DrainPodTest, PodsThatAreNotThereOrHaveNoShardsAreRefused) {
  EXPECT_THAT(Drain("default-9").ToString(), HasSubstr("there is no pod default-9"));
  EXPECT_THAT(Drain("m-operator-1").ToString(), HasSubstr("has no shards"));
}

class StreamEndpointTest : public DrainPodTest {
 protected:
  void SetEndpoint(const char* url) {
    json::Value stream = *client_.Get(types::Stream(), {"team", "orders"});
    stream["status"].Set("endpoint", url);
    ASSERT_TRUE(client_.UpdateStatus(types::Stream(), stream).ok());
  }
  Result<StreamEndpoint> Find(const std::string& name, bool answers) {
    return FindEndpoint(client_, {"team", name}, "tail " + name,
                        [=](const std::string&) { return answers; });
  }
};

TEST_F(StreamEndpointTest, EndpointThatAnswersIsUsedAndElseAPortForwardIsShown) {
  SetEndpoint("https://default-clients.millrace.svc");
  EXPECT_EQ(Find("orders", true)->url, "https://default-clients.millrace.svc");
  const std::string text = Find("orders", false).status().message();
  EXPECT_THAT(text, HasSubstr("kubectl -n millrace port-forward service/default-clients 4567:80"));
  EXPECT_THAT(text, HasSubstr("kubectl millrace tail orders --endpoint http://127.0.0.1:4567"));
}

TEST_F(StreamEndpointTest, StreamWithoutEndpointUsesItsPoolsAndElsePointsToWhy) {
  EXPECT_THAT(Find("orders", true).status().message(),
              HasSubstr("kubectl millrace why stream/orders -n team"));
  json::Value pool = *client_.Get(types::StreamPool(), {"millrace", "default"});
  pool["status"].Set("endpoint", "http://other.host:99");
  ASSERT_TRUE(client_.UpdateStatus(types::StreamPool(), pool).ok());
  EXPECT_EQ(Find("orders", true)->url, "http://other.host:99");
  EXPECT_THAT(Find("orders", false).status().message(), HasSubstr("by --endpoint"));
  EXPECT_THAT(Find("none", true).status().message(), HasSubstr("there is no stream none"));
}

TEST(StreamEndpoint, NothingListeningDoesNotAnswer) { EXPECT_FALSE(Answers("http://127.0.0.1:1")); }

}  // namespace
}  // namespace millrace::cli
