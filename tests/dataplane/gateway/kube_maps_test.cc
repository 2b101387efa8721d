#include "dataplane/gateway/kube_maps.h"

#include <fstream>

#include "common/kube/client.h"
#include "common/kube_store/kube_store.h"
#include "tests/dataplane/gateway/running_shard.h"
#include "tests/support/fake_kube_api.h"

namespace millrace::gateway {
namespace {

using resources::Resource;

// A shard process whose maps come from an API server, with another over the same maps.
class KubeMapsTest : public ::testing::Test {
 protected:
  KubeMapsTest() : path_(std::filesystem::temp_directory_path() / ("kubeconfig-" + NewUuid())) {
    const kube::ClusterAccess access = api_.access();
    json::Value user{json::Object{}};
    if (access.token != nullptr) user = json::Object{{"token", access.token->Token()}};
    std::ofstream(path_) << json::WriteJson(json::Object{
        {"current-context", "c"},
        {"contexts",
         json::Array{json::Object{{"name", "c"},
                                  {"context", json::Object{{"cluster", "k"}, {"user", "u"}}}}}},
        {"clusters", json::Array{json::Object{
                         {"name", "k"}, {"cluster", json::Object{{"server", access.server}}}}}},
        {"users", json::Array{json::Object{{"name", "u"}, {"user", user}}}}});
    shard_.options.kube_maps = KubeMapsOptions{path_.string(), {}};
  }
  ~KubeMapsTest() override { std::filesystem::remove(path_); }

  static Resource ResourceOf(const resources::ShardMap& map) {
    Resource resource;
    resource.kind = "ShardMap";
    resource.key = {"shop", map.stream_name + "." + std::to_string(map.stream_uid)};
    resource.spec = map.ToValue();
    return resource;
  }

  testing_support::FakeKubeApi api_;
  kube::Client client_{api_.access()};
  resources::KubeStore store_{client_};
  const std::filesystem::path path_;
  RunningShard shard_;
};

TEST_F(KubeMapsTest, StreamsAreServedFromTheMapsOfTheApi) {
  Resource map = *store_.Create(ResourceOf(RunningShard::MapOf("orders", 1)));
  shard_.Start();
  const auto put = [&] {
    return shard_
        .Call("PutRecord",
              json::Object{
                  {"StreamName", "orders"}, {"Data", json::Blob{"x"}}, {"PartitionKey", "k"}})
        .status;
  };
  EXPECT_EQ(put(), 200);
  map.spec = RunningShard::Split(RunningShard::MapOf("orders", 1)).ToValue();
  ASSERT_TRUE(store_.Update(map).ok());
  shard_.AwaitVersion(7, 2);
  EXPECT_EQ(put(), 200);
  ASSERT_TRUE(store_.Create(ResourceOf(RunningShard::MapOf("large", 1'201, 8))).ok());
  shard_.AwaitVersion(8, 1);
}

TEST_F(KubeMapsTest, TheLastMapsKnownAreServedWhileTheApiIsAway) {
  ASSERT_TRUE(store_.Create(ResourceOf(RunningShard::MapOf("orders", 1))).ok());
  shard_.Start();
  shard_.server.reset();
  std::ofstream(path_)
      << R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k",
    "user":"u"}}],"clusters":[{"name":"k","cluster":{"server":"http://127.0.0.1:1"}}],
    "users":[{"name":"u","user":{}}]})";
  shard_.Start();
  EXPECT_EQ(shard_
                .Call("PutRecord", json::Object{{"StreamName", "orders"},
                                                {"Data", json::Blob{"x"}},
                                                {"PartitionKey", "k"}})
                .status,
            200);
}

}  // namespace
}  // namespace millrace::gateway
