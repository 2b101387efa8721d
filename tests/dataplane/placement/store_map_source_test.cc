#include "dataplane/placement/store_map_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <optional>

#include "common/base/random.h"
#include "common/resources/file_store.h"

namespace millrace::shard {
namespace {

namespace fs = std::filesystem;
using resources::Resource;
using resources::ShardMap;

ShardMap MapOf(uint64_t version, uint64_t uid) {
  ShardMap map;
  map.version = version;
  map.stream_uid = uid;
  map.stream_name = "orders";
  map.stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
  return map;
}

class StoreMapSourceTest : public ::testing::Test {
 protected:
  StoreMapSourceTest() : folder_(fs::temp_directory_path() / ("source-" + NewUuid())) {
    auto opened = resources::FileStore::Open(folder_.string(), SystemClock());
    EXPECT_TRUE(opened.ok());
    store_ = std::move(opened).value();
    source_.emplace(*store_, [this] { return reached_.load(); });
  }
  ~StoreMapSourceTest() override {
    source_.reset();
    store_.reset();
    fs::remove_all(folder_);
  }
  Resource Create(const std::string& name, const ShardMap& map) {
    Resource resource;
    resource.kind = "ShardMap";
    resource.key = {"default", name};
    resource.spec = map.ToValue();
    return *store_->Create(std::move(resource));
  }
  // The next map there is news of.
  std::optional<ShardMap> Next() {
    for (int i = 0; i < 40; ++i) {
      last_ = source_->Poll(std::chrono::milliseconds(50));
      if (!last_.changed.empty()) return last_.changed.back();
    }
    return std::nullopt;
  }

  const fs::path folder_;
  std::atomic<bool> reached_{true};
  std::unique_ptr<resources::FileStore> store_;
  std::optional<StoreMapSource> source_;
  MapSource::News last_;
};

TEST_F(StoreMapSourceTest, GivesWhatIsThereAtTheStartAndWhatChanges) {
  Resource orders = Create("orders", MapOf(3, 7));
  source_->Start();
  const MapSource::News first = source_->Poll(std::chrono::milliseconds(0));
  ASSERT_EQ(first.changed.size(), 1u);
  EXPECT_EQ(first.changed[0].version, 3u);
  EXPECT_TRUE(first.readable);
  for (int i = 0; i < 40 && last_.present.empty(); ++i)
    last_ = source_->Poll(std::chrono::milliseconds(50));
  EXPECT_EQ(last_.present, (std::set<uint64_t>{7}));
  orders.spec = MapOf(4, 7).ToValue();
  ASSERT_TRUE(store_->Update(orders).ok());
  EXPECT_EQ(Next()->version, 4u);
  ASSERT_TRUE(store_->Delete("ShardMap", orders.key).ok());
  for (int i = 0; i < 40 && !last_.present.empty(); ++i)
    last_ = source_->Poll(std::chrono::milliseconds(50));
  EXPECT_TRUE(last_.present.empty());
}

TEST_F(StoreMapSourceTest, WakeEndsAPollAtOnce) {
  source_->Start();
  source_->Wake();
  const auto before = std::chrono::steady_clock::now();
  source_->Poll(std::chrono::seconds(10));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST_F(StoreMapSourceTest, AStoreThatDoesNotAnswerIsNotReadable) {
  source_->Start();
  reached_ = false;
  for (int i = 0; i < 60 && source_->Poll(std::chrono::milliseconds(50)).readable; ++i) {
  }
  EXPECT_FALSE(source_->Poll(std::chrono::milliseconds(0)).readable);
  reached_ = true;
  for (int i = 0; i < 60 && !source_->Poll(std::chrono::milliseconds(50)).readable; ++i) {
  }
  EXPECT_TRUE(source_->Poll(std::chrono::milliseconds(0)).readable);
}

}  // namespace
}  // namespace millrace::shard
