#include "common/resources/file_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

namespace millrace::resources {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class TestClock final : public Clock {
 public:
  WallMs WallNow() const override { return 1'795'262'400'000; }
  MonoTime Now() const override { return MonoTime(0); }
};

Resource Stream(const std::string& name, int shards = 4) {
  Resource resource;
  resource.kind = "Stream";
  resource.key = {"shop", name};
  resource.spec = json::Object{{"shardCount", shards}};
  return resource;
}

class FileStoreTest : public testing::Test {
 protected:
  FileStoreTest() { store_ = Open(); }
  ~FileStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(top_);
  }

  std::unique_ptr<FileStore> Open() {
    auto store = FileStore::Open(folder_, clock_);
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return store.ok() ? *std::move(store) : nullptr;
  }
  void Reopen() {
    store_.reset();
    store_ = Open();
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

  TestClock clock_;
  const std::string top_ = testing::TempDir() + "file_store_test." + std::to_string(getpid());
  const std::string folder_ = top_ + "/deep/store";
  std::unique_ptr<FileStore> store_;
};

TEST_F(FileStoreTest, CreateGivesIdentityAndSurvivesAReopen) {
  Resource wanted = Stream("orders");
  wanted.status = json::Object{{"streamStatus", "ACTIVE"}};
  wanted.annotations["a"] = "b";
  auto made = store_->Create(wanted);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_EQ(made->uid.size(), 36U);
  EXPECT_EQ(made->generation, 1);
  EXPECT_GT(made->resource_version, 0U);
  EXPECT_EQ(made->creation_timestamp, "2026-11-21T12:00:00Z");
  EXPECT_TRUE(made->status.is_null());
  Reopen();
  auto read = store_->Get("Stream", {"shop", "orders"});
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->ToValue(), made->ToValue());
}

TEST_F(FileStoreTest, CreatingTwiceIsRefused) {
  Make("orders");
  EXPECT_EQ(store_->Create(Stream("orders")).status().code(), Code::kResourceInUse);
}

TEST_F(FileStoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(store_->Get("Stream", {"shop", "none"}).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->Delete("Stream", {"shop", "none"}).code(), Code::kNotFound);
  Resource absent = Stream("none");
  absent.resource_version = 1;
  EXPECT_EQ(store_->Update(absent).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->UpdateStatus(absent).status().code(), Code::kNotFound);
  EXPECT_TRUE(store_->List("Nothing", "")->empty());
}

TEST_F(FileStoreTest, ListsInOrderAndByNamespace) {
  for (const char* name : {"b", "a", "c"}) Make(name);
  Resource other = Stream("a");
  other.key.ns = "other";
  ASSERT_TRUE(store_->Create(other).ok());
  EXPECT_THAT(Names(), ElementsAre("other/a", "shop/a", "shop/b", "shop/c"));
  EXPECT_THAT(Names("shop"), ElementsAre("shop/a", "shop/b", "shop/c"));
}

TEST_F(FileStoreTest, NamesThatCouldLeaveTheFolderAreRefused) {
  for (const char* name : {"", "..", "a/b", "A", ".hidden", "../../etc/passwd"}) {
    EXPECT_EQ(store_->Create(Stream(name)).status().code(), Code::kInvalidArgument) << name;
  }
  Resource resource = Stream("a");
  resource.key.ns = "..";
  EXPECT_EQ(store_->Create(resource).status().code(), Code::kInvalidArgument);
  resource = Stream("a");
  resource.kind = "../x";
  EXPECT_EQ(store_->Create(resource).status().code(), Code::kInvalidArgument);
}

TEST_F(FileStoreTest, UpdateComparesTheVersion) {
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

TEST_F(FileStoreTest, OnlyAChangeOfSpecRaisesTheGeneration) {
  Resource resource = Make("orders");
  resource.labels["team"] = "shop";
  resource.creation_timestamp = "1999-01-01T00:00:00Z";
  resource.generation = 77;
  resource.status = json::Object{{"ignored", true}};
  auto updated = store_->Update(resource);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->generation, 1);
  EXPECT_EQ(updated->creation_timestamp, "2026-11-21T12:00:00Z");
  EXPECT_TRUE(updated->status.is_null());
  EXPECT_EQ(updated->labels.at("team"), "shop");
}

TEST_F(FileStoreTest, StatusAndSpecAreWrittenApart) {
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

TEST_F(FileStoreTest, AChangeThatChangesNothingKeepsTheVersion) {
  Resource resource = Stream("orders");
  resource.spec.Set("tags", json::Object{{"a", "1"}, {"b", "2"}});
  resource = *store_->Create(resource);
  resource.spec.Set("tags", json::Object{{"b", "2"}, {"a", "1"}});
  EXPECT_EQ(store_->Update(resource)->resource_version, resource.resource_version);
  EXPECT_EQ(store_->UpdateStatus(resource)->resource_version, resource.resource_version);
}

TEST_F(FileStoreTest, DeleteRemovesItForGood) {
  Make("orders");
  ASSERT_TRUE(store_->Delete("Stream", {"shop", "orders"}).ok());
  EXPECT_EQ(store_->Get("Stream", {"shop", "orders"}).status().code(), Code::kNotFound);
  Reopen();
  EXPECT_TRUE(Names().empty());
}

TEST_F(FileStoreTest, DeletionWaitsForTheFinalizers) {
  Resource resource = Stream("orders");
  resource.finalizers = {"millrace.dev/one", "millrace.dev/two"};
  ASSERT_TRUE(store_->Create(resource).ok());
  ASSERT_TRUE(store_->Delete("Stream", resource.key).ok());
  ASSERT_TRUE(store_->Delete("Stream", resource.key).ok());
  Reopen();
  Resource dying = *store_->Get("Stream", resource.key);
  EXPECT_EQ(dying.deletion_timestamp, "2026-11-21T12:00:00Z");
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

TEST_F(FileStoreTest, OneProcessAtATime) {
  auto second = FileStore::Open(folder_, clock_);
  EXPECT_EQ(second.status().code(), Code::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("another process"));
}

TEST_F(FileStoreTest, AFileThatHoldsNoResourceStopsTheStartAndIsNamed) {
  Make("orders");
  store_.reset();
  const std::string path = folder_ + "/streams/shop/orders.json";
  std::ofstream(path) << "{\"kind\":\"Stream\"";
  auto broken = FileStore::Open(folder_, clock_);
  EXPECT_EQ(broken.status().code(), Code::kCorrupt);
  EXPECT_THAT(broken.status().message(), HasSubstr("streams/shop/orders.json"));
  std::ofstream(path, std::ios::trunc)
      << R"({"kind":"Stream","metadata":{"name":"other","namespace":"shop"}})";
  EXPECT_THAT(FileStore::Open(folder_, clock_).status().message(),
              HasSubstr("it holds Stream shop/other"));
  std::filesystem::remove(path);
  store_ = Open();
}

TEST_F(FileStoreTest, WritersFromManyThreadsLoseNoChange) {
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

TEST_F(FileStoreTest, ReadsTheStoredSample) {
  const std::filesystem::path sample = "tests/common/resources/store_sample";
  store_.reset();
  std::filesystem::copy(sample, folder_, std::filesystem::copy_options::recursive);
  store_ = Open();
  auto resource = store_->Get("Stream", {"shop", "orders"});
  ASSERT_TRUE(resource.ok()) << resource.status().ToString();
  EXPECT_EQ(resource->resource_version, 17U);
  EXPECT_EQ(resource->spec["shardCount"].AsInt(), 8);
  EXPECT_GT(Make("next").resource_version, 17U);
}

}  // namespace
}  // namespace millrace::resources
