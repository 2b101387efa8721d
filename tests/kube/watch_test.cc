#include "common/kube/watch.h"

#include "common/kube/object_cache.h"
#include "tests/kube/real_api.h"

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;

class RealWatch : public RealApi, public ::testing::WithParamInterface<bool> {
 protected:
  WatchOptions Options() const {
    WatchOptions options;
    options.scope.ns = ns_;
    options.scope.limit = 3;
    options.watch_list = GetParam();
    return options;
  }
  std::string ValueIn(const ObjectCache& cache, const std::string& name) const {
    auto object = cache.Get({ns_, name});
    return object ? object->At("data", "key").AsString() : "none";
  }
};

TEST_P(RealWatch, ACacheFollowsTheServer) {
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(client_.Create(types::ConfigMap(), ConfigMap("m" + std::to_string(i))).ok());
  ObjectCache cache;
  Watch watch(client_, types::ConfigMap(), cache, Options());
  ASSERT_TRUE(cache.WaitSynced(std::chrono::seconds(10)));
  EXPECT_EQ(cache.size(), 10u);
  EXPECT_TRUE(cache.health().ok());
  ASSERT_TRUE(client_.Apply(types::ConfigMap(), ConfigMap("m3", "changed")).ok());
  EXPECT_TRUE(Eventually([&] { return ValueIn(cache, "m3") == "changed"; }));
  ASSERT_TRUE(client_.Delete(types::ConfigMap(), {ns_, "m3"}).ok());
  EXPECT_TRUE(Eventually([&] { return ValueIn(cache, "m3") == "none"; }));
  EXPECT_EQ(cache.size(), 9u);
}

TEST_P(RealWatch, StreamsThatEndLoseNothing) {
  ObjectCache cache;
  WatchOptions options = Options();
  options.server_time_max = std::chrono::seconds(1);
  Watch watch(client_, types::ConfigMap(), cache, options);
  ASSERT_TRUE(cache.WaitSynced(std::chrono::seconds(10)));
  const auto end = std::chrono::steady_clock::now() + milliseconds(3'500);
  size_t made = 0;
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_TRUE(client_.Create(types::ConfigMap(), ConfigMap("m" + std::to_string(made++))).ok());
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_TRUE(Eventually([&] { return cache.size() == made; })) << cache.size() << " of " << made;
}

TEST_P(RealWatch, AVersionFromLongAgoListsAgain) {
  // The server says 410, or lists again by itself: either way everything is told.
  ObjectCache cache;
  ASSERT_TRUE(client_.Create(types::ConfigMap(), ConfigMap("a")).ok());
  Client::Cancellation cancellation;
  WatchRequest request;
  request.scope.ns = ns_;
  request.resource_version = "1";
  request.server_time_max = std::chrono::seconds(1);
  Status ended = client_.WatchStream(types::ConfigMap(), request, cancellation,
                                     [](std::string_view, json::Value) { return OkStatus(); });
  EXPECT_TRUE(ended.ok() || ended.code() == Code::kExpiredToken) << ended.ToString();
}

INSTANTIATE_TEST_SUITE_P(Ways, RealWatch, ::testing::Bool(), [](const auto& way) {
  return std::string(way.param ? "WatchList" : "Pages");
});

}  // namespace
}  // namespace millrace::kube
