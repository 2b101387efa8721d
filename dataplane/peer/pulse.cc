#include "dataplane/peer/pulse.h"

#include <algorithm>
#include <set>

#include "common/log/log.h"

namespace millrace::peer {

void Pulse::Stop() {
  stopped_ = true;
  executor_.Cancel(timer_);
}

// Those of the list, and whoever owns something in a map.
std::vector<std::string> Pulse::Others() const {
  std::set<std::string> names;
  for (std::string& name : peers_.options().book.Names()) names.insert(std::move(name));
  for (const shard::StreamPtr& stream : placement_.table()->streams()) {
    for (const shard::ShardView& shard : stream->shards()) {
      for (const resources::MapExtent& extent : shard.chain()) names.insert(extent.owner);
    }
  }
  names.erase(peers_.options().self);
  return {names.begin(), names.end()};
}

KnownMaps Pulse::News() {
  const MonoTime now = SystemClock().Now();
  std::map<uint64_t, Seen> seen;
  std::vector<std::pair<MonoTime, KnownMap>> news;
  for (const shard::StreamPtr& stream : placement_.table()->streams()) {
    const uint64_t version = stream->map().version;
    const auto before = seen_.find(stream->uid());
    const bool same = before != seen_.end() && before->second.version == version;
    const Seen entry = same ? before->second : Seen{version, now};
    seen[stream->uid()] = entry;
    if (now - entry.since < limits_.told_for)
      news.emplace_back(entry.since, KnownMap{stream->uid(), version});
  }
  seen_ = std::move(seen);
  if (news.size() > limits_.maps_max) {
    std::nth_element(news.begin(), news.begin() + static_cast<ptrdiff_t>(limits_.maps_max),
                     news.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    news.resize(limits_.maps_max);
  }
  KnownMaps maps;
  for (const auto& [since, map] : news) maps.push_back(map);
  return maps;
}

void Pulse::Beat() {
  if (stopped_) return;
  const std::vector<std::string> others = Others();
  if (reach_.Judge(!others.empty())) {
    log::Warning(reach_.isolated() ? "no other pod and no source of shard maps is reached: nothing "
                                     "is acknowledged any more"
                                   : "others are reached again: writes are acknowledged");
  }
  const KnownMaps news = News();
  for (size_t i = 0; i < std::min(others.size(), limits_.peers_max); ++i) {
    peers_.Greet(executor_, others[turn_++ % others.size()], news);
  }
  timer_ = executor_.RunAfter(limits_.every, [this] { Beat(); });
}

}  // namespace millrace::peer
