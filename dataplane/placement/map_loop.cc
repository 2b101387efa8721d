#include "dataplane/placement/map_loop.h"

namespace millrace::shard {
namespace {

// How often what is due by time alone (retries, grace periods, the scan) is looked for.
constexpr std::chrono::milliseconds kTick(500);
constexpr int kTicksPerRefresh = 4;

}  // namespace

void MapLoop::Start() {
  std::promise<void> ready;
  std::future<void> started = ready.get_future();
  thread_ = std::thread([this, ready = std::move(ready)]() mutable { Run(std::move(ready)); });
  started.wait();
}

void MapLoop::Stop() {
  stop_ = true;
  source_.Wake();
  if (thread_.joinable()) thread_.join();
}

void MapLoop::Offer(resources::ShardMap map) {
  {
    std::lock_guard lock(mu_);
    offered_.push_back(std::move(map));
  }
  source_.Wake();
}

void MapLoop::Follow(std::chrono::milliseconds wait) {
  MapSource::News news = source_.Poll(wait);
  for (resources::ShardMap& map : news.changed) applier_.Offer(std::move(map));
  std::vector<resources::ShardMap> offered;
  {
    std::lock_guard lock(mu_);
    offered.swap(offered_);
  }
  for (resources::ShardMap& map : offered) applier_.Offer(std::move(map));
  if (news.readable) applier_.NotePresent(news.present);
  const bool applied = applier_.Step();
  if (news.readable && applied && on_source_) on_source_(news.looked);
}

void MapLoop::Run(std::promise<void> ready) {
  applier_.Load();
  applier_.Step();
  Follow(std::chrono::milliseconds(0));
  ready.set_value();
  auto refreshed = std::chrono::steady_clock::now();
  while (!stop_) {
    Follow(kTick);
    const auto now = std::chrono::steady_clock::now();
    if (now - refreshed < kTick * kTicksPerRefresh) continue;
    applier_.Refresh();
    refreshed = now;
  }
}

}  // namespace millrace::shard
