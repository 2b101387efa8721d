#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "common/kube_store/kube_store.h"
#include "common/resources/file_store.h"
#include "tests/support/fake_kube_api.h"

// What every ResourceStore promises (store.h), over each of them.
namespace millrace::resources {
namespace {

using testing::ElementsAre;

Resource Stream(const std::string& name, int shards = 4) {
  Resource resource;
  resource.kind = "Stream";
  resource.key = {"shop", name};
  resource.spec = json::Object{{"shardCount", shards}};
  return resource;
}

// A store and what stands behind it.
class World {
 public:
  virtual ~World() = default;
  virtual ResourceStore& store() = 0;
};

class FolderWorld final : public World {
 public:
  FolderWorld() : store_(*FileStore::Open(folder_, SystemClock())) {}
  ~FolderWorld() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  ResourceStore& store() override { return *store_; }

 private:
  const std::string folder_ = testing::TempDir() + "store_contract." + std::to_string(getpid());
  std::unique_ptr<FileStore> store_;
};

class KubeWorld final : public World {
 public:
  explicit KubeWorld(bool is_cached) : store_(client_, Options(is_cached)) {
    store_.Start();
    for (int i = 0; i < 5'000 && !store_.HasSynced(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(store_.HasSynced());
  }
  ResourceStore& store() override { return store_; }

 private:
  static KubeStoreOptions Options(bool is_cached) {
    KubeStoreOptions options;
    if (is_cached) options.cached_kinds = {"Stream", "ShardMap"};
    return options;
  }
  testing_support::FakeKubeApi api_;
  kube::Client client_{api_.access()};
  KubeStore store_;
};

class StoreContract : public testing::TestWithParam<const char*> {
 protected:
  StoreContract() {
    const std::string name = GetParam();
    if (name == "Folder") {
      world_ = std::make_unique<FolderWorld>();
    } else {
      world_ = std::make_unique<KubeWorld>(name == "KubeCached");
    }
    store_ = &world_->store();
  }
  Resource Make(const std::string& name) {
    auto made = store_->Create(Stream(name));
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return *made;
  }
  std::vector<std::string> Names(std::string_view ns = "") {
    std::vector<std::string> names;
    const auto all = store_->List("Stream", ns);
    for (const Resource& resource : *all) names.push_back(resource.key.ToString());
    return names;
  }

  std::unique_ptr<World> world_;
  ResourceStore* store_ = nullptr;
};

TEST_P(StoreContract, CreateGivesIdentity) {
  Resource wanted = Stream("orders");
  wanted.status = json::Object{{"streamStatus", "ACTIVE"}};
  wanted.annotations["a"] = "b";
  auto made = store_->Create(wanted);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->uid.size(), 36U);
  EXPECT_EQ(made->generation, 1);
  EXPECT_GT(made->resource_version, 0U);
  EXPECT_FALSE(made->creation_timestamp.empty());
  EXPECT_TRUE(made->status.is_null());
  auto read = store_->Get("Stream", {"shop", "orders"});
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->ToValue(), made->ToValue());
}

TEST_P(StoreContract, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(store_->Get("Stream", {"shop", "none"}).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->Delete("Stream", {"shop", "none"}).code(), Code::kNotFound);
  Resource absent = Stream("none");
  absent.resource_version = 1;
  EXPECT_EQ(store_->Update(absent).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->UpdateStatus(absent).status().code(), Code::kNotFound);
}

TEST_P(StoreContract, CreatingTwiceIsRefused) {
  Make("orders");
  EXPECT_EQ(store_->Create(Stream("orders")).status().code(), Code::kResourceInUse);
}

TEST_P(StoreContract, ListsInOrderAndByNamespace) {
  for (const char* name : {"b", "a", "c"}) Make(name);
  Resource other = Stream("a");
  other.key.ns = "other";
  ASSERT_TRUE(store_->Create(other).ok());
  EXPECT_THAT(Names(), ElementsAre("other/a", "shop/a", "shop/b", "shop/c"));
  EXPECT_THAT(Names("shop"), ElementsAre("shop/a", "shop/b", "shop/c"));
}

TEST_P(StoreContract, UpdateComparesTheVersion) {
  const Resource first = Make("orders");
  Resource next = first;
  next.spec.Set("shardCount", 8);
  auto updated = store_->Update(next);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(updated->generation, 2);
  EXPECT_GT(updated->resource_version, first.resource_version);
  EXPECT_EQ(store_->Update(next).status().code(), Code::kConflict);
  next.resource_version = 0;
  EXPECT_EQ(store_->Update(next).status().code(), Code::kInvalidArgument);
  Resource other_incarnation = *updated;
  other_incarnation.uid = "f81d4fae-7dec-4d0a-a765-00a0c91e6bf6";
  EXPECT_EQ(store_->Update(other_incarnation).status().code(), Code::kConflict);
}

TEST_P(StoreContract, OnlyAChangeOfSpecRaisesTheGeneration) {
  const Resource made = Make("orders");
  Resource resource = made;
  resource.labels["team"] = "shop";
  resource.creation_timestamp = "1999-01-01T00:00:00Z";
  resource.generation = 77;
  resource.status = json::Object{{"ignored", true}};
  auto updated = store_->Update(resource);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->generation, 1);
  EXPECT_EQ(updated->creation_timestamp, made.creation_timestamp);
  EXPECT_TRUE(updated->status.is_null());
  EXPECT_EQ(updated->labels.at("team"), "shop");
}

TEST_P(StoreContract, StatusAndSpecAreWrittenApart) {
  Resource resource = Make("orders");
  resource.status = json::Object{{"streamStatus", "ACTIVE"}};
  resource.spec.Set("shardCount", 99);
  auto updated = store_->UpdateStatus(resource);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->spec["shardCount"].AsInt(), 4);
  EXPECT_EQ(updated->generation, 1);
  EXPECT_EQ(updated->status["streamStatus"].AsString(), "ACTIVE");
  EXPECT_EQ(store_->UpdateStatus(resource).status().code(), Code::kConflict);
}

TEST_P(StoreContract, AChangeThatChangesNothingKeepsTheVersion) {
  Resource resource = Stream("orders");
  resource.spec.Set("tags", json::Object{{"a", "1"}, {"b", "2"}});
  resource = *store_->Create(resource);
  resource.spec.Set("tags", json::Object{{"b", "2"}, {"a", "1"}});
  EXPECT_EQ(store_->Update(resource)->resource_version, resource.resource_version);
  EXPECT_EQ(store_->UpdateStatus(resource)->resource_version, resource.resource_version);
}

TEST_P(StoreContract, WritersFromManyThreadsLoseNoChange) {
  Make("orders");
  std::atomic<int> conflicts = 0;
  auto increment = [&](int times) {
    while (times > 0) {
      Resource resource = *store_->Get("Stream", {"shop", "orders"});
      resource.spec.Set("shardCount", resource.spec["shardCount"].AsInt() + 1);
      if (store_->Update(resource).ok()) {
        --times;
      } else {
        ++conflicts;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(increment, 25);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->Get("Stream", {"shop", "orders"})->spec["shardCount"].AsInt(), 104);
  EXPECT_EQ(store_->Get("Stream", {"shop", "orders"})->generation, 101);
}

TEST_P(StoreContract, DeletionWaitsForTheFinalizers) {
  Resource resource = Stream("orders");
  resource.finalizers = {"millrace.dev/one", "millrace.dev/two"};
  ASSERT_TRUE(store_->Create(resource).ok());
  ASSERT_TRUE(store_->Delete("Stream", resource.key).ok());
  ASSERT_TRUE(store_->Delete("Stream", resource.key).ok());
  Resource dying = *store_->Get("Stream", resource.key);
  EXPECT_TRUE(dying.deletion_timestamp);
  dying.finalizers.push_back("millrace.dev/three");
  EXPECT_EQ(store_->Update(dying).status().code(), Code::kInvalidArgument);
  dying.finalizers = {"millrace.dev/two"};
  dying.deletion_timestamp.reset();  // cannot be taken back
  dying = *store_->Update(dying);
  EXPECT_TRUE(dying.deletion_timestamp);
  dying.finalizers.clear();
  EXPECT_TRUE(store_->Update(dying).ok());
  EXPECT_EQ(store_->Get("Stream", resource.key).status().code(), Code::kNotFound);
}

TEST_P(StoreContract, FindsByTheNameThatAwsKnows) {
  Resource named = Stream("orders-1f00");
  named.spec.Set("streamName", "Orders");
  ASSERT_TRUE(store_->Create(named).ok());
  Make("plain");
  EXPECT_EQ(store_->ListByStreamName("Stream", "Orders")->size(), 1U);
  EXPECT_EQ(store_->ListByStreamName("Stream", "plain")->at(0).key.name, "plain");
  EXPECT_TRUE(store_->ListByStreamName("Stream", "orders-1f00")->empty());
}

TEST_P(StoreContract, FindsTheMapsThatAreBeingDeleted) {
  Resource map = Stream("orders.aa");
  map.kind = "ShardMap";
  map.spec.Set("streamName", "orders");
  map = *store_->Create(map);
  EXPECT_TRUE(store_->ListDeletingMaps()->empty());
  map.spec.Set("deleting", true);
  ASSERT_TRUE(store_->Update(map).ok());
  EXPECT_EQ(store_->ListDeletingMaps()->size(), 1U);
}

TEST_P(StoreContract, WatchersHearOfWhatIsThereAndOfEveryChange) {
  std::mutex mu;
  std::vector<std::string> heard;
  auto hears = [&](const std::string& word) {
    for (int i = 0; i < 5'000; ++i) {
      {
        std::lock_guard lock(mu);
        if (std::find(heard.begin(), heard.end(), word) != heard.end()) return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  };
  Resource resource = Make("a");
  auto watch = store_->Watch("Stream", [&](WatchEvent event, const Resource& seen) {
    std::lock_guard lock(mu);
    heard.push_back("+~-"[static_cast<int>(event)] + seen.key.name + " " +
                    std::to_string(seen.spec["shardCount"].AsInt()));
  });
  ASSERT_TRUE(hears("+a 4"));
  resource.spec.Set("shardCount", 5);
  ASSERT_TRUE(store_->Update(resource).ok());
  ASSERT_TRUE(hears("~a 5"));
  Make("b");
  ASSERT_TRUE(hears("+b 4"));
  ASSERT_TRUE(store_->Delete("Stream", {"shop", "a"}).ok());
  ASSERT_TRUE(hears("-a 5"));
  watch.reset();
  Make("c");
  EXPECT_THAT(heard, ElementsAre("+a 4", "~a 5", "+b 4", "-a 5"));
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract, testing::Values("Folder", "Kube", "KubeCached"),
                         [](const auto& param_info) { return std::string(param_info.param); });

}  // namespace
}  // namespace millrace::resources
