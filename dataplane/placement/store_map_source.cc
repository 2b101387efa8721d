#include "dataplane/placement/store_map_source.h"

#include "common/log/log.h"
#include "common/resources/stream_resource.h"

namespace millrace::shard {

using resources::kShardMapKind;
using resources::Resource;
using resources::ShardMap;
using resources::WatchEvent;

namespace {

constexpr std::chrono::milliseconds kProbeEvery(1000);
// An answer that is older says nothing of now.
constexpr Duration kProbeHolds = std::chrono::milliseconds(2500);

}  // namespace

StoreMapSource::StoreMapSource(resources::ResourceStore& store, std::function<bool()> reaches)
    : store_(store), reaches_(std::move(reaches)) {}

StoreMapSource::~StoreMapSource() {
  watch_ = nullptr;
  {
    std::lock_guard lock(mu_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (probe_.joinable()) probe_.join();
}

void StoreMapSource::Start() {
  const MonoTime asked = SystemClock().Now();
  const Result<std::vector<Resource>> all = store_.List(kShardMapKind, "");
  if (all.ok()) {
    for (const Resource& resource : *all) Take(WatchEvent::kAdded, resource);
    // What is there is for the watch to say: it also tells what goes.
    std::lock_guard lock(mu_);
    uids_.clear();
  } else {
    log::Warning("shard maps cannot be listed; the last ones known are served",
                 {{"error", all.status().ToString()}});
  }
  {
    std::lock_guard lock(mu_);
    if (all.ok()) reached_at_ = asked;
  }
  watch_ = store_.Watch(
      kShardMapKind, [this](WatchEvent event, const Resource& resource) { Take(event, resource); });
  probe_ = std::thread([this] { Probe(); });
}

void StoreMapSource::Take(WatchEvent event, const Resource& resource) {
  if (event == WatchEvent::kDeleted) {
    std::lock_guard lock(mu_);
    uids_.erase(resource.key);
    news_.erase(resource.key);
    return;
  }
  Result<ShardMap> map = ShardMap::Parse(resource.spec);
  if (!map.ok()) {
    log::Error("shard map cannot be read",
               {{"resource", resource.key.ToString()}, {"error", map.status().ToString()}});
    return;
  }
  {
    std::lock_guard lock(mu_);
    uids_[resource.key] = map->stream_uid;
    news_[resource.key] = std::move(map).value();
  }
  changed_.notify_all();
}

MapSource::News StoreMapSource::Poll(std::chrono::milliseconds wait) {
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, wait, [&] { return woken_ || !news_.empty(); });
  woken_ = false;
  News news;
  for (auto& [key, map] : news_) news.changed.push_back(std::move(map));
  news_.clear();
  for (const auto& [key, uid] : uids_) news.present.insert(uid);
  news.looked = reached_at_;
  news.readable = reached_at_ != MonoTime{} && SystemClock().Now() - reached_at_ < kProbeHolds;
  return news;
}

void StoreMapSource::Wake() {
  {
    std::lock_guard lock(mu_);
    woken_ = true;
  }
  changed_.notify_all();
}

void StoreMapSource::Probe() {
  std::unique_lock lock(mu_);
  while (!changed_.wait_for(lock, kProbeEvery, [&] { return stopping_; })) {
    lock.unlock();
    const MonoTime asked = SystemClock().Now();
    const bool reached = reaches_();
    lock.lock();
    reached_at_ = reached ? asked : MonoTime{};
  }
}

}  // namespace millrace::shard
