#include "common/resources/file_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace millrace::resources {
namespace {

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
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    const auto all = store_->List("Stream", "");
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

TEST_F(FileStoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(store_->Get("Stream", {"shop", "none"}).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->Delete("Stream", {"shop", "none"}).code(), Code::kNotFound);
  Resource absent = Stream("none");
  absent.resource_version = 1;
  EXPECT_EQ(store_->Update(absent).status().code(), Code::kNotFound);
  EXPECT_EQ(store_->UpdateStatus(absent).status().code(), Code::kNotFound);
  EXPECT_TRUE(store_->List("Nothing", "")->empty());
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
