#include "tests/sim/sim_settings.h"

#include <algorithm>

#include "common/base/random.h"

namespace millrace::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

template <typename T, size_t N>
T OneOf(Random& random, const T (&choices)[N]) {
  return choices[random.Below(N)];
}

void DrawLane(Random& random, storage::LaneOptions* lane) {
  lane->segment_bytes = OneOf(random, {64 * kKiB, 96 * kKiB, 128 * kKiB, 256 * kKiB, kMiB});
  lane->segment_bytes_min = std::max(64 * kKiB, lane->segment_bytes / OneOf(random, {1U, 2U, 4U}));
  lane->writes_in_flight_max = 1 + random.Below(8);
  lane->write_bytes_max = OneOf(random, {4 * kKiB, 16 * kKiB, 64 * kKiB, 256 * kKiB});
  lane->pending_bytes_max = OneOf(random, {32 * kKiB, 256 * kKiB, 64 * kMiB});
  lane->tail_cache_bytes = OneOf(random, {uint64_t{0}, 16 * kKiB, 256 * kKiB, 64 * kMiB});
  lane->clean_below_live_fraction = OneOf(random, {0.2, 0.3, 0.5, 0.9});
  // Most logs have all the room they want.
  if (random.OneIn(5)) lane->bytes_max = lane->segment_bytes * (6 + random.Below(18));
}

void DrawDisk(Random& random, SimDiskOptions* disk) {
  disk->latency_min = microseconds(20 + random.Below(200));
  disk->latency_max = disk->latency_min + microseconds(100 + random.Below(5'000));
  disk->slow_one_in = OneOf(random, {0, 50, 500});
}

void DrawFaults(Random& random, SimSettings* settings) {
  // One kind at a time mostly, so that what is found can be told apart; a third of the worlds have
  // nothing but crashes.
  const uint64_t kind = random.Below(9);
  Faults& faults = settings->faults;
  faults.disk_errors = kind == 0 || kind == 1 || kind == 8;
  faults.full_disk = kind == 2 || kind == 3 || kind == 8;
  faults.rot = kind == 4 || kind == 5;
  // A volume that the log alone fills, and only its own retention empties.
  if (kind == 6) {
    settings->disk.capacity_bytes = settings->lane.segment_bytes * (6 + random.Below(18));
  }
  if (faults.disk_errors) {
    settings->disk.write_error_one_in = OneOf(random, {0, 100, 1'000});
    settings->disk.read_error_one_in = OneOf(random, {0, 100, 1'000});
    settings->disk.folder_error_one_in = OneOf(random, {0, 30, 300});
  }
}

}  // namespace

SimSettings DrawSettings(uint64_t seed) {
  Random random(seed ^ 0x5e771465);
  SimSettings settings;
  DrawLane(random, &settings.lane);
  DrawDisk(random, &settings.disk);
  DrawFaults(random, &settings);
  settings.shards = 1 + static_cast<uint32_t>(random.Below(random.OneIn(3) ? 40 : 5));
  settings.encrypted_one_in = OneOf(random, {0U, 1U, 3U});
  settings.record_bytes_max = OneOf(random, {0U, 40U, 200U, 1'000U});
  settings.append_records_max = OneOf(random, {1U, 4U, 30U});
  settings.pause_mean = OneOf(random, {milliseconds(4), milliseconds(20), milliseconds(60)});
  settings.burst_one_in = OneOf(random, {0U, 10U, 100U});
  settings.life_mean =
      OneOf(random, {milliseconds(300), milliseconds(3'000), milliseconds(10'000)});
  settings.close_one_in = OneOf(random, {0U, 3U, 10U});
  settings.retention = OneOf(random, {milliseconds(500), milliseconds(3'000), milliseconds(8'000)});
  settings.clock_jump_one_in = OneOf(random, {0U, 200U, 2'000U});
  settings.crash_at_change_one_in = OneOf(random, {0U, 0U, 3U, 20U});
  // What arrived before the clock went back outlives its retention: no room is made by waiting.
  if (settings.RoomIsShort()) settings.clock_jump_one_in = 0;
  return settings;
}

bool SimSettings::RoomIsShort() const {
  return lane.bytes_max != UINT64_MAX || disk.capacity_bytes != SimDiskOptions().capacity_bytes;
}

std::string SimSettings::ToString() const {
  auto text = [](const char* name, auto value) {
    return std::string(" ") + name + "=" + std::to_string(value);
  };
  auto ms = [](Duration d) { return static_cast<double>(d.count()) / 1e6; };
  return text("segment", lane.segment_bytes) + text("in_flight", lane.writes_in_flight_max) +
         text("write_max", lane.write_bytes_max) + text("cache", lane.tail_cache_bytes) +
         text("pending_max", lane.pending_bytes_max) +
         (lane.bytes_max == UINT64_MAX ? "" : text("bytes_max", lane.bytes_max)) +
         (disk.capacity_bytes == SimDiskOptions().capacity_bytes
              ? ""
              : text("capacity", disk.capacity_bytes)) +
         text("clean_below", lane.clean_below_live_fraction) + text("shards", shards) +
         text("crash_at_change_one_in", crash_at_change_one_in) +
         text("encrypted_one_in", encrypted_one_in) + text("record_max", record_bytes_max) +
         text("append_records", append_records_max) + text("pause_ms", ms(pause_mean)) +
         text("burst_one_in", burst_one_in) + text("life_ms", ms(life_mean)) +
         text("retention_ms", ms(retention)) + text("latency_max_ms", ms(disk.latency_max)) +
         (faults.disk_errors ? " disk_errors" : "") + (faults.full_disk ? " full_disk" : "") +
         (faults.rot ? " rot" : "") + (faults.lies ? " lies" : "");
}

}  // namespace millrace::sim
