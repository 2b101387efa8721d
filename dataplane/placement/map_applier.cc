#include "dataplane/placement/map_applier.h"

#include <algorithm>

#include "common/log/log.h"
#include "dataplane/placement/lane_calls.h"

namespace millrace::shard {

using resources::ShardMap;
using storage::ExtentId;
using storage::ExtentInfo;
using storage::Lane;

namespace {

constexpr WallMs kHourMs = 3'600'000;

std::set<ExtentId> MissingIds(const ApplyPlan& plan) {
  std::set<ExtentId> ids;
  for (const MissingExtent& extent : plan.missing) ids.insert(extent.id);
  return ids;
}

void LogMissing(const ApplyPlan& plan, const ShardMap& map, const Volume& volume) {
  if (plan.missing.empty()) return;
  const ExtentId& first = plan.missing.front().id;
  log::Error("extents of this pod are not on its volume: their readers wait",
             {{"stream", map.stream_name},
              {"extents", plan.missing.size()},
              {"first_shard", first.shard},
              {"first_epoch", first.epoch},
              {"volume", volume.id}});
}

}  // namespace

MapApplier::MapApplier(storage::Log& log, Placement& placement, ApplyStatus& status,
                       StreamMetricsBooks& books, MapFolder folder, const Clock& clock,
                       MapApplierOptions options)
    : log_(log),
      placement_(placement),
      status_(status),
      books_(books),
      folder_(std::move(folder)),
      clock_(clock),
      options_(std::move(options)) {}

void MapApplier::Load() {
  Refresh();
  for (ShardMap& map : folder_.Load()) {
    const uint64_t uid = map.stream_uid;
    Offer(std::move(map));
    entries_.at(uid).saved = true;
  }
}

void MapApplier::Offer(ShardMap map) {
  const uint64_t uid = map.stream_uid;
  const auto [it, fresh] = entries_.try_emplace(uid);
  Entry& entry = it->second;
  if (!fresh && map.version <= entry.map.version) return;
  if (fresh) {
    const auto unclaimed = unclaimed_.find(uid);
    if (unclaimed != unclaimed_.end()) {
      entry.here = std::move(unclaimed->second);
      unclaimed_.erase(unclaimed);
    }
  }
  entry.map = std::move(map);
  entry.saved = false;
  entry.pending = true;
}

void MapApplier::NotePresent(const std::set<uint64_t>& present) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.dropped && !present.contains(it->first)) {
      status_.Forget(it->first);
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
}

bool MapApplier::Step() {
  std::vector<Entry*> entries;
  for (auto& [uid, entry] : entries_) {
    if (entry.dropped || (!entry.pending && !entry.drop_later)) continue;
    entry.error.clear();
    SaveAndPlan(entry);
    entries.push_back(&entry);
  }
  if (entries.empty()) return true;
  OpenAll(entries);
  SealAll(entries);
  TellSealed(entries);
  Publish(entries);
  DropAll(entries);
  for (Entry* entry : entries) Report(*entry);
  return std::all_of(entries.begin(), entries.end(),
                     [](const Entry* entry) { return entry->error.empty(); });
}

void MapApplier::SaveAndPlan(Entry& entry) {
  entry.plan = {};
  if (!entry.saved) {
    if (Failed(entry, folder_.Save(entry.map).WithContext("saving the shard map"))) return;
    entry.saved = true;
  }
  std::vector<ExtentInfo> here;
  for (const auto& [id, info] : entry.here) here.push_back(info);
  entry.plan = PlanApply(entry.map, {options_.owner, options_.volume}, here, clock_.WallNow());
  entry.drop_later = entry.plan.drop_later;
  if (options_.on_planned) options_.on_planned(entry.map);
}

bool MapApplier::Failed(Entry& entry, const Status& status) {
  if (status.ok()) return false;
  if (entry.error.empty()) {
    log::Warning("shard map cannot be applied yet", {{"stream", entry.map.stream_name},
                                                     {"version", entry.map.version},
                                                     {"error", status.ToString()}});
    entry.error = status.ToString();
  }
  return true;
}

void MapApplier::OpenAll(const std::vector<Entry*>& entries) {
  LaneCalls calls(log_);
  std::mutex mu;  // lanes answer on their own threads
  for (Entry* entry : entries) {
    for (const ExtentStep& step : entry->plan.open) {
      calls.Add(LaneOf(step.id), [this, entry, step, &mu](Lane& lane,
                                                          const std::function<void()>& finished) {
        lane.OpenExtent(step.id, step.encrypted,
                        [this, entry, step, &mu, &lane, finished](const Status& status) {
                          {
                            std::lock_guard lock(mu);
                            if (!Failed(*entry, status.WithContext("opening an extent"))) {
                              entry->here[step.id] =
                                  lane.Info(step.id).value_or(ExtentInfo{.id = step.id});
                            }
                          }
                          finished();
                        });
      });
    }
  }
  calls.Run();
}

void MapApplier::SealAll(const std::vector<Entry*>& entries) {
  LaneCalls calls(log_);
  std::mutex mu;
  for (Entry* entry : entries) {
    // Nothing is closed before what follows it is open.
    if (!entry->error.empty()) continue;
    for (const ExtentStep& step : entry->plan.seal) {
      calls.Add(LaneOf(step.id), [this, entry, step, &mu](Lane& lane,
                                                          const std::function<void()>& finished) {
        lane.Seal(step.id, [this, entry, step, &mu, finished](const Result<uint64_t>& end) {
          {
            std::lock_guard lock(mu);
            if (!Failed(*entry, end.status().WithContext("sealing an extent"))) {
              ExtentInfo& info = entry->here[step.id];
              info.id = step.id;
              info.sealed = true;
              info.end_index = *end;
            }
          }
          finished();
        });
      });
    }
  }
  calls.Run();
}

void MapApplier::TellSealed(const std::vector<Entry*>& entries) {
  if (!options_.on_sealed) return;
  std::vector<const ShardMap*> sealed;
  std::vector<const ShardMap*> opened;
  for (const Entry* entry : entries) {
    if (!entry->pending || !entry->error.empty()) continue;
    sealed.push_back(&entry->map);
    if (!entry->plan.open.empty()) opened.push_back(&entry->map);
  }
  options_.on_sealed(sealed, opened);
}

void MapApplier::Publish(const std::vector<Entry*>& entries) {
  bool changed = false;
  for (Entry* entry : entries) {
    if (!entry->pending || !entry->error.empty()) continue;
    std::shared_ptr<StreamState> state =
        entry->view ? entry->view->state() : std::make_shared<StreamState>();
    if (!state->metrics) state->metrics = books_.Open(entry->map.stream_name);
    const uint64_t uid = entry->map.stream_uid;
    ShardMap map = entry->map;
    map.enforce_shard_limits = map.enforce_shard_limits || options_.enforce_on_demand_limits;
    entry->view = std::make_shared<const StreamView>(
        std::move(map), std::move(state), [&](uint32_t shard) { return log_.LaneOf(uid, shard); },
        options_.owner, MissingIds(entry->plan));
    entry->pending = false;
    changed = true;
    LogMissing(entry->plan, entry->map, options_.volume);
    log::Info("shard map applied", {{"stream", entry->map.stream_name},
                                    {"version", entry->map.version},
                                    {"shards", entry->map.shards.size()},
                                    {"opened", entry->plan.open.size()},
                                    {"sealed", entry->plan.seal.size()}});
  }
  const bool gone =
      std::any_of(entries.begin(), entries.end(), [](const Entry* e) { return e->plan.gone; });
  if (!changed && !gone) return;
  std::vector<StreamPtr> streams;
  for (const auto& [uid, entry] : entries_) {
    if (entry.view != nullptr && !entry.plan.gone && !entry.dropped) streams.push_back(entry.view);
  }
  placement_.Publish(std::move(streams));
  for (Entry* entry : entries) {
    if (entry->view != nullptr && options_.on_published) options_.on_published(entry->view);
  }
}

void MapApplier::DropAll(const std::vector<Entry*>& entries) {
  LaneCalls calls(log_);
  std::mutex mu;
  for (Entry* entry : entries) {
    if (!entry->error.empty()) continue;
    for (const ExtentId& id : entry->plan.drop) {
      calls.Add(LaneOf(id),
                [this, entry, id, &mu](Lane& lane, const std::function<void()>& finished) {
                  lane.Drop(id, [this, entry, id, &mu, finished](const Status& status) {
                    {
                      std::lock_guard lock(mu);
                      if (!Failed(*entry, status.WithContext("dropping an extent")))
                        entry->here.erase(id);
                    }
                    finished();
                  });
                });
    }
  }
  calls.Run();
  for (Entry* entry : entries) {
    if (!entry->error.empty()) {
      entry->drop_later = entry->drop_later || !entry->plan.drop.empty();
      continue;
    }
    if (entry->plan.gone && !Failed(*entry, folder_.Remove(entry->map.stream_uid))) {
      entry->dropped = true;
      entry->view = nullptr;
      log::Info("stream dropped",
                {{"stream", entry->map.stream_name}, {"uid", entry->map.stream_uid}});
    }
  }
}

void MapApplier::Report(Entry& entry) {
  StreamStatus status;
  status.name = entry.map.stream_name;
  status.applied_version = entry.view != nullptr ? entry.view->map().version : 0;
  if (entry.dropped) status.applied_version = entry.map.version;
  status.dropped = entry.dropped;
  status.error = entry.error.empty() ? entry.plan.conflict : entry.error;
  for (const auto& [id, info] : entry.here) status.lost_records += info.lost_records;
  ReportExtents(entry, status);
  status_.Set(entry.map.stream_uid, std::move(status));
}

void MapApplier::ReportExtents(const Entry& entry, StreamStatus& status) const {
  const std::set<ExtentId> missing = MissingIds(entry.plan);
  for (const MissingExtent& extent : entry.plan.missing)
    status.missing.push_back({extent.id.shard, extent.id.epoch, extent.end_index});
  for (const resources::MapShard& shard : entry.map.shards) {
    for (const resources::MapExtent& extent : shard.extents) {
      const auto here = entry.here.find({entry.map.stream_uid, shard.index, extent.epoch});
      if (here == entry.here.end() || missing.contains(here->first)) continue;
      if (!extent.end_index && here->second.sealed)
        status.sealed.push_back({shard.index, extent.epoch, here->second.end_index});
      if (extent.volume.empty() && extent.owner == options_.owner)
        status.unbound.push_back({shard.index, extent.epoch});
    }
  }
}

void MapApplier::Refresh() {
  LaneCalls calls(log_);
  std::vector<std::vector<ExtentInfo>> found(log_.lane_count());
  std::vector<Lane::Stats> stats(log_.lane_count());
  const WallMs now = clock_.WallNow();
  for (size_t i = 0; i < log_.lane_count(); ++i) {
    std::vector<std::pair<ExtentId, WallMs>> trims;
    for (const auto& [uid, entry] : entries_) {
      const WallMs horizon = now - entry.map.retention_hours * kHourMs;
      for (const auto& [id, info] : entry.here) {
        if (LaneOf(id) == i) trims.emplace_back(id, horizon);
      }
    }
    calls.AddSimple(i, [i, &found, &stats, trims = std::move(trims)](Lane& lane) {
      for (const auto& [id, horizon] : trims) lane.Trim(id, horizon);
      found[i] = lane.Extents();
      stats[i] = lane.stats();
    });
  }
  calls.Run();
  LogStatus log_status;
  for (const Lane::Stats& s : stats) {
    log_status.full = log_status.full || s.full;
    if (log_status.full_reason.empty()) log_status.full_reason = s.full_reason;
    log_status.fenced = log_status.fenced || s.fenced;
    log_status.file_bytes += s.file_bytes;
    log_status.live_bytes += s.live_bytes;
  }
  status_.SetLog(log_status);
  for (auto& [uid, entry] : entries_) entry.here.clear();
  unclaimed_.clear();
  for (const std::vector<ExtentInfo>& lane : found) {
    for (const ExtentInfo& info : lane) {
      const auto entry = entries_.find(info.id.stream);
      (entry != entries_.end() ? entry->second.here : unclaimed_[info.id.stream])[info.id] = info;
    }
  }
  for (auto& [uid, entry] : entries_) {
    if (!entry.pending) Report(entry);
  }
}

}  // namespace millrace::shard
