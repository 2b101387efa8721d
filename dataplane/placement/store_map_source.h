#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/resources/store.h"
#include "dataplane/placement/map_source.h"

namespace millrace::shard {

// Follows the ShardMaps of a resource store, such as the Kubernetes API. What there is when Start
// is called comes with the first Poll; where the store is away then, whatever it has comes when it
// is back. A map that does not parse is named in the log and passed over. One thread polls; Wake
// comes from any. Owned by main, which keeps the store until it has stopped this.
class StoreMapSource final : public MapSource {
 public:
  // `reaches` says whether the store answers; asked every second, on a thread of its own, and may
  // block.
  StoreMapSource(resources::ResourceStore& store, std::function<bool()> reaches);
  ~StoreMapSource() override;
  StoreMapSource(const StoreMapSource&) = delete;

  // Blocks while the store is listed.
  void Start();
  News Poll(std::chrono::milliseconds wait) override;
  void Wake() override;

 private:
  void Take(resources::WatchEvent event, const resources::Resource& resource);
  void Probe();

  resources::ResourceStore& store_;
  const std::function<bool()> reaches_;
  std::mutex mu_;
  std::condition_variable changed_;
  // Guarded by mu_.
  std::map<resources::ResourceKey, resources::ShardMap> news_;  // since the last Poll
  std::map<resources::ResourceKey, uint64_t> uids_;             // of what is there
  bool woken_ = false;
  MonoTime reached_at_{};  // when the last question was put that was answered; 0: never
  bool stopping_ = false;
  std::unique_ptr<resources::WatchHandle> watch_;
  std::thread probe_;
};

}  // namespace millrace::shard
