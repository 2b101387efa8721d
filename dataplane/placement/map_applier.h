#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dataplane/placement/apply_plan.h"
#include "dataplane/placement/apply_status.h"
#include "dataplane/placement/map_folder.h"
#include "dataplane/placement/placement.h"
#include "dataplane/storage/log.h"

namespace millrace::shard {

struct MapApplierOptions {
  std::string owner;  // this process, as maps name it
  Volume volume{};    // that its log is on
  // AWS's per-shard limits also where the map does not ask for them.
  bool enforce_on_demand_limits = false;
  // Told of a map before its extents are opened, on the map thread; again where that failed.
  std::function<void(const resources::ShardMap&)> on_planned{};
  // Told of the maps whose extents have been opened and sealed, on the map thread, before they are
  // published, which waits for its return: those that opened extents here are said apart.
  std::function<void(const std::vector<const resources::ShardMap*>& sealed,
                     const std::vector<const resources::ShardMap*>& opened)>
      on_sealed{};
  // Told of every view after it was published, on the map thread: subscriptions look again.
  std::function<void(const StreamPtr&)> on_published{};
};

// Brings the lanes to what the maps say: opens, seals and drops extents, trims by retention,
// publishes tables and reports. One thread (the map thread) calls everything; calls block on the
// lanes. All maps offered before a Step go through it together, so that a thousand streams open in
// a few durable writes. A step that fails (a full disk) is named in the status and tried again by
// the next.
//
// When a version has been published: it is durable in the map folder, its write heads are open and
// every extent it closed is sealed, all durably.
class MapApplier {
 public:
  MapApplier(storage::Log& log, Placement& placement, ApplyStatus& status,
             StreamMetricsBooks& books, MapFolder folder, const Clock& clock,
             MapApplierOptions options);

  // Learns what the lanes hold and offers every saved map.
  void Load();
  // Takes a map that is newer than what is known of its stream; passes over any other.
  void Offer(resources::ShardMap map);
  // The streams that the store has: of those dropped here, the others are forgotten.
  void NotePresent(const std::set<uint64_t>& present);
  // Applies what was offered, and what is due by now. False where something could not be applied.
  bool Step();
  // Looks at the lanes again: lost records, space. Trims by retention.
  void Refresh();

 private:
  struct Entry {
    resources::ShardMap map;  // the newest known
    StreamPtr view;           // the applied one, null before the first
    std::string error;
    bool saved = false;   // `map` is durable in the folder
    bool pending = true;  // `map` is not applied yet
    bool drop_later = false;
    bool dropped = false;
    ApplyPlan plan;  // of this step
    std::map<storage::ExtentId, storage::ExtentInfo> here;
  };
  void OpenAll(const std::vector<Entry*>& entries);
  void SealAll(const std::vector<Entry*>& entries);
  void DropAll(const std::vector<Entry*>& entries);
  void TellSealed(const std::vector<Entry*>& entries);
  void SaveAndPlan(Entry& entry);
  void Publish(const std::vector<Entry*>& entries);
  void Report(Entry& entry);
  void ReportExtents(const Entry& entry, StreamStatus& status) const;
  bool Failed(Entry& entry, const Status& status);
  size_t LaneOf(const storage::ExtentId& id) const { return log_.LaneOf(id.stream, id.shard); }

  storage::Log& log_;
  Placement& placement_;
  ApplyStatus& status_;
  StreamMetricsBooks& books_;
  const MapFolder folder_;
  const Clock& clock_;
  const MapApplierOptions options_;
  std::map<uint64_t, Entry> entries_;
  // What lanes hold of streams that no map names yet: never touched.
  std::map<uint64_t, std::map<storage::ExtentId, storage::ExtentInfo>> unclaimed_;
};

}  // namespace millrace::shard
