#include "common/kube_store/kube_store.h"
#include "tests/kube/real_api.h"

namespace millrace::kube {
namespace {

using json::Value;
using resources::KubeStore;
using resources::KubeStoreOptions;
using resources::Resource;
using std::chrono::steady_clock;

class RealStore : public RealApi {
 protected:
  KubeStoreOptions Options() const {
    KubeStoreOptions options;
    options.namespaces = {ns_};
    options.cached_kinds = {"Stream", "ShardMap", "ShardMapSlice"};
    return options;
  }
  Resource Stream(const std::string& name) const {
    Resource resource;
    resource.kind = "Stream";
    resource.key = {ns_, name};
    resource.spec.Set("shardCount", 3);
    return resource;
  }
  void Sync(KubeStore& store) {
    store.Start();
    ASSERT_TRUE(Eventually([&] { return store.HasSynced(); })) << store.Health().ToString();
  }
};

TEST_F(RealStore, KeepsTheContractOfAStore) {
  KubeStore store(client_, Options());
  Sync(store);
  Resource wanted = Stream("orders");
  wanted.finalizers = {"millrace.dev/shards"};
  Result<Resource> made = store.Create(wanted);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(store.Create(wanted).status().code(), Code::kResourceInUse);
  EXPECT_EQ(made->generation, 1);
  EXPECT_TRUE(made->status.is_null());
  Resource next = *made;
  next.spec.Set("shardCount", 4);
  Result<Resource> updated = store.Update(next);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(updated->generation, 2);
  EXPECT_EQ(store.Get("Stream", made->key)->resource_version, updated->resource_version);
  EXPECT_EQ(store.Update(next).status().code(), Code::kConflict);
  EXPECT_EQ(store.Update(*updated)->resource_version, updated->resource_version);
  updated->status.Set("streamStatus", "ACTIVE");
  Result<Resource> with_status = store.UpdateStatus(*updated);
  ASSERT_TRUE(with_status.ok()) << with_status.status().ToString();
  EXPECT_EQ(with_status->generation, 2);
  Resource wrong = *with_status;
  wrong.spec.Set("shardCount", 0);
  EXPECT_EQ(store.Update(wrong).status().code(), Code::kInvalidArgument);
  Resource other_incarnation = *with_status;
  other_incarnation.uid = "f81d4fae-7dec-4d0a-a765-00a0c91e6bf6";
  EXPECT_EQ(store.Update(other_incarnation).status().code(), Code::kConflict);

  ASSERT_TRUE(store.Delete("Stream", made->key).ok());
  Resource dying = *store.Get("Stream", made->key);
  EXPECT_TRUE(dying.deletion_timestamp);
  dying.finalizers.push_back("millrace.dev/more");
  EXPECT_EQ(store.Update(dying).status().code(), Code::kInvalidArgument);
  dying.finalizers.clear();
  Result<Resource> gone = store.Update(dying);
  ASSERT_TRUE(gone.ok()) << gone.status().ToString();
  EXPECT_EQ(store.Get("Stream", made->key).status().code(), Code::kNotFound);
}

TEST_F(RealStore, AMapOfTenThousandShardsTravels) {
  KubeStore store(client_, Options());
  Sync(store);
  Resource map;
  map.kind = "ShardMap";
  map.key = {ns_, "orders.00000000000000aa"};
  map.spec.Set("version", 1);
  map.spec.Set("streamUid", "170");
  map.spec.Set("streamName", "orders");
  map.spec.Set("shards", json::Array{});
  for (int i = 0; i < 10'000; ++i) {
    Value extent;
    extent.Set("epoch", i);
    extent.Set("owner", "default-0");
    Value shard;
    shard.Set("index", i);
    shard.Set("start", "340282366920938463463374607431768211455");
    shard.Set("end", "340282366920938463463374607431768211455");
    shard["extents"].Append(extent);
    map.spec["shards"].Append(shard);
  }
  auto began = steady_clock::now();
  auto report = [&](const char* what) {
    const std::chrono::duration<double, std::milli> took = steady_clock::now() - began;
    std::printf("10,000 shards: %s %.0f ms\n", what, took.count());
    began = steady_clock::now();
  };
  Result<Resource> made = store.Create(map);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  report("create");
  Result<Resource> read = store.Get("ShardMap", map.key);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  ASSERT_EQ(read->spec["shards"].AsArray().size(), 10'000u);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(read->spec["shards"].AsArray()[static_cast<size_t>(i)]["index"].AsInt(), i);
  }
  report("read from memory");
  read->spec.Set("version", 2);
  ASSERT_TRUE(store.Update(*read).ok());
  report("update");
  KubeStore fresh(client_, Options());
  EXPECT_EQ(fresh.Get("ShardMap", map.key)->spec["shards"].AsArray().size(), 10'000u);
  report("read from the API");
}

TEST_F(RealStore, TwoStoresSeeEachOthersChangesSoon) {
  KubeStore mine(client_, Options());
  KubeStore theirs(client_, Options());
  Sync(mine);
  Sync(theirs);
  std::vector<double> took;
  for (int i = 0; i < 50; ++i) {
    const auto began = steady_clock::now();
    Result<Resource> made = mine.Create(Stream("s" + std::to_string(i)));
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    ASSERT_TRUE(Eventually([&] { return theirs.Get("Stream", made->key).ok(); }));
    took.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - began).count());
  }
  std::sort(took.begin(), took.end());
  std::printf("create to another's cache: p50 %.1f ms, max %.1f ms\n", took[25], took.back());
}

}  // namespace
}  // namespace millrace::kube
