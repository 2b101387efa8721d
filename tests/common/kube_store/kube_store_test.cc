#include "common/kube_store/kube_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/kube_store/shard_map_slices.h"
#include "common/resources/stream_resource.h"
#include "tests/support/fake_kube_api.h"

namespace millrace::resources {
namespace {

using json::Value;
using testing_support::FakeKubeApi;

bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 5'000 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return holds();
}

Resource Map(size_t shards, int version = 1) {
  Resource map;
  map.kind = "ShardMap";
  map.key = {"shop", "orders.00000000000000aa"};
  map.spec.Set("version", version);
  map.spec.Set("streamUid", "170");
  map.spec.Set("streamName", "orders");
  map.spec.Set("shards", json::Array{});
  for (size_t i = 0; i < shards; ++i) {
    Value shard;
    shard.Set("index", static_cast<int64_t>(i));
    shard.Set("of", version);
    map.spec["shards"].Append(shard);
  }
  return map;
}

class KubeStoreTest : public testing::TestWithParam<bool> {
 protected:
  KubeStoreTest() : store_(client_, Options()) {
    store_.Start();
    EXPECT_TRUE(Eventually([this] { return store_.HasSynced(); }));
  }
  KubeStoreOptions Options() {
    KubeStoreOptions options;
    if (GetParam()) options.cached_kinds = {"Stream", "ShardMap", "ShardMapSlice"};
    return options;
  }
  size_t SliceCount() {
    return client_.ListAll(kube::MillraceType("ShardMapSlice", "shardmapslices"))->items.size();
  }
  FakeKubeApi api_;
  kube::Client client_{api_.access()};
  KubeStore store_;
};

TEST_P(KubeStoreTest, AMapOfManyShardsTravelsInSlices) {
  auto made = store_.Create(Map(1'201));
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->spec["shards"].AsArray().size(), 1'201u);
  EXPECT_EQ(SliceCount(), 3u);
  auto read = store_.Get("ShardMap", made->key);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->spec, Map(1'201).spec);
  EXPECT_EQ(store_.List("ShardMap", "")->at(0).spec, Map(1'201).spec);

  // The version before is kept for readers that are behind; the one before that is not.
  for (int version = 2; version <= 4; ++version) {
    Resource next = *read;
    next.spec = Map(1'201, version).spec;
    ASSERT_TRUE(store_.Update(next).ok());
    read = store_.Get("ShardMap", next.key);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(read->spec, next.spec);
    EXPECT_EQ(SliceCount(), 6u);
  }
  Resource small = *read;
  small.spec = Map(2, 5).spec;
  ASSERT_TRUE(store_.Update(small).ok());
  EXPECT_EQ(SliceCount(), 3u);
  small = *store_.Get("ShardMap", small.key);
  EXPECT_EQ(small.spec, Map(2, 5).spec);
  small.spec = Map(2, 6).spec;
  ASSERT_TRUE(store_.Update(small).ok());
}

TEST_P(KubeStoreTest, AWriterThatLosesLeavesTheWinnersSlicesAlone) {
  Resource first = *store_.Create(Map(600));
  Resource other = first;
  first.spec = Map(600, 2).spec;
  other.spec = Map(700, 2).spec;
  ASSERT_TRUE(store_.Update(first).ok());
  EXPECT_EQ(store_.Update(other).status().code(), Code::kConflict);
  EXPECT_EQ(store_.Get("ShardMap", first.key)->spec, Map(600, 2).spec);
}

TEST_P(KubeStoreTest, DeletingAMapRemovesItsSlices) {
  Resource map = *store_.Create(Map(600));
  ASSERT_TRUE(store_.Delete("ShardMap", map.key).ok());
  EXPECT_EQ(SliceCount(), 0u);
}

TEST_P(KubeStoreTest, WatchersOfMapsHearThemWhole) {
  std::mutex mu;
  std::vector<size_t> sizes;
  auto watch = store_.Watch("ShardMap", [&](WatchEvent, const Resource& map) {
    std::lock_guard lock(mu);
    sizes.push_back(map.spec["shards"].AsArray().size());
  });
  auto last_is = [&](size_t wanted) {
    return Eventually([&] {
      std::lock_guard lock(mu);
      return !sizes.empty() && sizes.back() == wanted;
    });
  };
  Resource map = *store_.Create(Map(1'000));
  ASSERT_TRUE(last_is(1'000));
  map.spec = Map(1'500, 2).spec;
  ASSERT_TRUE(store_.Update(map).ok());
  ASSERT_TRUE(last_is(1'500));
  std::lock_guard lock(mu);
  EXPECT_THAT(sizes, testing::Each(testing::AnyOf(1'000u, 1'500u)));
}

TEST_P(KubeStoreTest, AMissingDefinitionIsNoEmptyList) {
  api_.Intercept([](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    if (request.target.find("workloads") == request.target.npos) return false;
    writer->Send({404, {}, {Slice::Static(R"({"kind":"Status","code":404,"reason":"NotFound",
      "message":"the server could not find the requested resource","details":{}})")}});
    return true;
  });
  EXPECT_EQ(store_.List("Workload", "").status().code(), Code::kUnsupported);
  EXPECT_EQ(store_.Get("Workload", {"a", "b"}).status().code(), Code::kUnsupported);
}

TEST_P(KubeStoreTest, ARefusalOfTheApiIsTheCallersMistake) {
  api_.Intercept([](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    if (request.method != "POST") return false;
    FakeKubeApi::SendStatus(writer, 422, "Invalid", "spec: streamName is immutable");
    return true;
  });
  Status refused = store_.Create(Map(1)).status();
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
  EXPECT_EQ(refused.message(), "spec: streamName is immutable");
}

INSTANTIATE_TEST_SUITE_P(Memory, KubeStoreTest, testing::Bool(), [](const auto& param_info) {
  return std::string(param_info.param ? "Cached" : "Uncached");
});

TEST(KubeStoreCache, StreamsOfSeveralNamespacesAreListedByNameAndAddedUp) {
  FakeKubeApi api;
  kube::Client client(api.access());
  KubeStoreOptions options;
  options.cached_kinds = {"Stream"};
  options.namespaces = {"shop", "other"};
  options.lists_streams = true;
  KubeStore store(client, options);
  store.Start();
  ASSERT_TRUE(Eventually([&] { return store.HasSynced(); }));
  for (const char* name : {"d", "a", "c", "b"}) {
    Resource stream;
    stream.kind = "Stream";
    stream.key = {*name < 'c' ? "shop" : "other", name};
    stream.spec.Set("shardCount", 2);
    if (*name == 'a') stream.spec.Set("streamName", "Z");
    if (*name == 'd') stream.spec["streamModeDetails"].Set("streamMode", "PROVISIONED");
    ASSERT_TRUE(store.Create(stream).ok());
  }
  auto names = [&](const std::string& after, size_t count) {
    std::string all;
    const Result<std::vector<Resource>> page = store.StreamsAfter(after, count);
    for (const Resource& stream : *page) all += StreamNameOf(stream);
    return all;
  };
  EXPECT_EQ(names("", 2), "Zb");
  EXPECT_EQ(names("b", 9), "cd");
  EXPECT_EQ(store.TotalOfStreams()->open_shards, 8);
  EXPECT_EQ(store.TotalOfStreams()->on_demand, 3);
}

TEST(KubeStoreCache, KeysAreFoundByWhatTheyStandFor) {
  FakeKubeApi api;
  kube::Client client(api.access());
  KubeStoreOptions options;
  options.cached_kinds = {"Stream", "ShardMap"};
  options.namespaces = {"shop", "other"};
  KubeStore store(client, options);
  std::atomic<int> changes{0};
  store.OnChange("Stream", [&](const ResourceKey&) { ++changes; });
  store.Start();
  ASSERT_TRUE(Eventually([&] { return store.HasSynced(); }));
  EXPECT_TRUE(store.Health().ok());
  Resource map = Map(3);
  map.spec.Set("deleting", true);
  ASSERT_TRUE(store.Create(map).ok());
  EXPECT_EQ(store.Keys("ShardMap", "deleting", "true").size(), 1u);
  EXPECT_EQ(store.Keys("ShardMap", "streamName", StreamNameOf(map)).size(), 1u);
  Resource stream;
  stream.kind = "Stream";
  stream.key = {"other", "orders"};
  stream = *store.Create(stream);
  EXPECT_EQ(changes, 1);
  const uint64_t uid = std::stoull(
      stream.uid.substr(0, 8) + stream.uid.substr(9, 4) + stream.uid.substr(14, 4), nullptr, 16);
  EXPECT_EQ(store.Keys("Stream", "streamUid", std::to_string(uid)),
            std::vector<ResourceKey>{stream.key});
  EXPECT_EQ(store.CountOf("Stream"), 1u);
  const size_t reads = api.CountOf("GET");
  EXPECT_TRUE(store.Get("Stream", stream.key).ok());
  EXPECT_EQ(store.Get("Stream", {"shop", "none"}).status().code(), Code::kNotFound);
  EXPECT_EQ(api.CountOf("GET"), reads);
}

TEST(KubeStoreCache, DeliveryStreamsAreFoundByTheirAwsName) {
  FakeKubeApi api;
  kube::Client client(api.access());
  KubeStoreOptions options;
  options.cached_kinds = {"DeliveryStream"};
  KubeStore store(client, options);
  store.Start();
  ASSERT_TRUE(Eventually([&] { return store.HasSynced(); }));
  Resource clicks;
  clicks.kind = "DeliveryStream";
  clicks.key = {"shop", "clicks"};
  ASSERT_TRUE(store.Create(clicks).ok());
  clicks.key.ns = "other";
  clicks.key.name = "eu";
  clicks.spec.Set("deliveryStreamName", "clicks");
  ASSERT_TRUE(store.Create(clicks).ok());
  EXPECT_EQ(store.ListByStreamName("DeliveryStream", "clicks")->size(), 2u);
  EXPECT_TRUE(store.ListByStreamName("DeliveryStream", "eu")->empty());
}

TEST(KubeStoreOptionalKinds, AMissingCrdHoldsNothingUpAndIsSaidWhenAskedFor) {
  FakeKubeApi api;
  api.Intercept([](const net::HttpRequest& request, const FakeKubeApi::Writer& writer) {
    if (request.path.find("/deliverystreams") == std::string::npos) return false;
    writer->Send({404, {}, {Slice::Static("404 page not found")}});
    return true;
  });
  kube::Client client(api.access());
  KubeStoreOptions options;
  options.cached_kinds = {"Stream", "DeliveryStream"};
  options.optional_kinds = {"DeliveryStream"};
  KubeStore store(client, options);
  store.Start();
  EXPECT_TRUE(Eventually([&] { return store.HasSynced(); }));
  EXPECT_TRUE(store.Health().ok());
  EXPECT_EQ(store.List("DeliveryStream", "").status().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace millrace::resources
