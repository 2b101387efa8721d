#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <future>
#include <thread>

#include "common/resources/file_store.h"

namespace millrace::resources {
namespace {

using testing::ElementsAre;

// What a watcher was told, in order: "+name" added, "~name" modified, "-name" deleted.
class Heard {
 public:
  std::function<void(WatchEvent, const Resource&)> Callback() {
    return [this](WatchEvent event, const Resource& resource) {
      std::lock_guard lock(mu_);
      const char sign = event == WatchEvent::kAdded      ? '+'
                        : event == WatchEvent::kModified ? '~'
                                                         : '-';
      events_.push_back(sign + resource.key.name);
      changed_.notify_all();
    };
  }
  std::vector<std::string> Wait(size_t count) {
    std::unique_lock lock(mu_);
    changed_.wait_for(lock, std::chrono::seconds(5), [&] { return events_.size() >= count; });
    return events_;
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::vector<std::string> events_;
};

Resource Make(const std::string& kind, const std::string& name) {
  Resource resource;
  resource.kind = kind;
  resource.key = {"shop", name};
  return resource;
}

class WatchTest : public testing::Test {
 protected:
  WatchTest() : store_(*FileStore::Open(folder_, SystemClock())) {}
  ~WatchTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  const std::string folder_ = testing::TempDir() + "watch_test." + std::to_string(getpid());
  std::unique_ptr<FileStore> store_;
};

TEST_F(WatchTest, TellsWhatIsThereThenEveryChangeInOrder) {
  ASSERT_TRUE(store_->Create(Make("Stream", "a")).ok());
  Heard heard;
  auto handle = store_->Watch("Stream", heard.Callback());
  Resource b = *store_->Create(Make("Stream", "b"));
  ASSERT_TRUE(store_->Create(Make("ShardMap", "other")).ok());
  b.labels["x"] = "y";
  ASSERT_TRUE(store_->Update(b).ok());
  ASSERT_TRUE(store_->Delete("Stream", b.key).ok());
  EXPECT_THAT(heard.Wait(4), ElementsAre("+a", "+b", "~b", "-b"));
}

TEST_F(WatchTest, NothingIsHeardAfterTheHandleIsGone) {
  Heard heard;
  auto handle = store_->Watch("Stream", heard.Callback());
  ASSERT_TRUE(store_->Create(Make("Stream", "a")).ok());
  heard.Wait(1);
  handle.reset();
  ASSERT_TRUE(store_->Create(Make("Stream", "b")).ok());
  Heard later;
  auto second = store_->Watch("Stream", later.Callback());
  EXPECT_THAT(later.Wait(2), ElementsAre("+a", "+b"));
  EXPECT_THAT(heard.Wait(1), ElementsAre("+a"));
}

TEST_F(WatchTest, DroppingTheHandleWaitsForTheRunningCallback) {
  std::promise<void> entered;
  std::atomic<bool> finished = false;
  auto handle = store_->Watch("Stream", [&](WatchEvent, const Resource&) {
    entered.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    finished = true;
  });
  ASSERT_TRUE(store_->Create(Make("Stream", "a")).ok());
  entered.get_future().get();
  handle.reset();
  EXPECT_TRUE(finished);
}

TEST_F(WatchTest, CallbacksMayChangeTheStoreAndDropTheirOwnHandle) {
  std::unique_ptr<WatchHandle> handle;
  std::promise<Status> done;
  std::mutex mu;
  std::unique_lock lock(mu);
  handle = store_->Watch("Stream", [&](WatchEvent, const Resource&) {
    std::lock_guard ready(mu);  // until `handle` is assigned
    const Status status = store_->Create(Make("ShardMap", "from-callback")).status();
    handle.reset();
    done.set_value(status);
  });
  lock.unlock();
  ASSERT_TRUE(store_->Create(Make("Stream", "a")).ok());
  const Status status = done.get_future().get();
  EXPECT_TRUE(status.ok()) << status.ToString();
}

TEST_F(WatchTest, HandlesMayOutliveTheStore) {
  Heard heard;
  auto handle = store_->Watch("Stream", heard.Callback());
  store_.reset();
  handle.reset();
}

TEST_F(WatchTest, ManyWritersAndWatchersAgreeOnTheOrder) {
  std::vector<std::unique_ptr<Heard>> heard;
  std::vector<std::unique_ptr<WatchHandle>> handles;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    heard.push_back(std::make_unique<Heard>());
    threads.emplace_back([this, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string name = "s" + std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(store_->Create(Make("Stream", name)).ok());
      }
    });
    handles.push_back(store_->Watch("Stream", heard.back()->Callback()));
  }
  for (auto& thread : threads) thread.join();
  for (auto& one : heard) EXPECT_EQ(one->Wait(60).size(), 60U);
}

}  // namespace
}  // namespace millrace::resources
