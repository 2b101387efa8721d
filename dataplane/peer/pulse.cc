#include "dataplane/peer/pulse.h"

#include <algorithm>
#include <set>

#include "common/log/log.h"

namespace millrace::peer {

void Pulse::Stop() {
  stopped_ = true;
  executor_.Cancel(timer_);
  executor_.Cancel(awake_timer_);
}

void Pulse::StayAwake() {
  if (stopped_) return;
  const Duration still = reach_.NoteAwake();
  if (still > Duration(0) && reach_.isolated()) {
    log::Info("stood still: hears of newer shard maps before it takes writes",
              {{"ms", still / std::chrono::milliseconds(1)}});
    executor_.Cancel(timer_);
    Beat();
  }
  awake_timer_ = executor_.RunAfter(limits_.awake_every, [this] { StayAwake(); });
}

void Pulse::Look(const shard::ShardTable& table) {
  const MonoTime now = SystemClock().Now();
  std::set<std::string> names;
  for (std::string& name : peers_.options().book.Names()) {
    if (peers_.IsOfOwnPool(name)) names.insert(std::move(name));
  }
  std::map<uint64_t, uint64_t> versions;
  for (const shard::StreamPtr& stream : table.streams()) {
    for (const shard::ShardView& shard : stream->shards()) {
      // Other pools take none of this pod's write heads.
      if (shard.head_elsewhere != nullptr && peers_.IsOfOwnPool(*shard.head_elsewhere))
        names.insert(*shard.head_elsewhere);
    }
    const uint64_t version = stream->map().version;
    const auto before = versions_.find(stream->uid());
    if (before == versions_.end() || before->second != version)
      news_.emplace_back(now, KnownMap{stream->uid(), version});
    versions[stream->uid()] = version;
  }
  versions_ = std::move(versions);
  others_.assign(names.begin(), names.end());
}

KnownMaps Pulse::News() {
  const MonoTime now = SystemClock().Now();
  while (!news_.empty() &&
         (now - news_.front().first > limits_.told_for || news_.size() > limits_.maps_max)) {
    news_.pop_front();
  }
  KnownMaps maps;
  for (const auto& [since, map] : news_) maps.push_back(map);
  return maps;
}

KnownMaps Pulse::All() const {
  KnownMaps maps;
  for (const auto& [stream, version] : versions_) maps.push_back({stream, version});
  return maps;
}

void Pulse::Beat() {
  if (stopped_) return;
  const auto table = placement_.table();
  if (table->generation() != generation_ || others_.empty()) Look(*table);
  generation_ = table->generation();
  reach_.SetOthersKnown(!others_.empty());
  const bool isolated = reach_.isolated();
  if (const bool silent = reach_.silent(); silent != silent_) {
    log::Warning(silent ? "no other pod and no source of shard maps is reached: nothing is "
                          "acknowledged any more"
                        : "others are reached again: writes are acknowledged");
    silent_ = silent;
  }
  const KnownMaps told = isolated ? All() : News();
  for (size_t i = 0; i < std::min(others_.size(), limits_.peers_max); ++i) {
    peers_.Greet(executor_, others_[turn_++ % others_.size()], told, isolated);
  }
  timer_ =
      executor_.RunAfter(isolated ? limits_.every_isolated : limits_.every, [this] { Beat(); });
}

}  // namespace millrace::peer
