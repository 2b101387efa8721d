#pragma once

#include <string>

#include "dataplane/storage/lane.h"
#include "tests/support/sim_disk.h"

namespace millrace::sim {

// What is done to a lane beside crashing it.
struct Faults {
  bool disk_errors = false;  // failed writes, reads and changes of the folder
  bool full_disk = false;    // the volume has no room for a while
  bool rot = false;          // bits flip in what was written long ago
  bool lies = false;         // writes are acknowledged and not done: must be found out
};

// One simulated world, drawn from a seed: sizes, limits, speeds and how often what happens.
struct SimSettings {
  storage::LaneOptions lane;
  SimDiskOptions disk;
  Faults faults;
  uint32_t shards = 1;
  uint32_t encrypted_one_in = 0;  // extents; 0: none
  uint32_t record_bytes_max = 0;  // mostly; some are larger
  uint32_t append_records_max = 1;
  Duration pause_mean{};      // between operations
  uint32_t burst_one_in = 0;  // operations that are many appends at once
  Duration life_mean{};       // from a recovery to the next crash or close
  uint32_t close_one_in = 0;  // lives that end cleanly
  // Changes of the folder right after which a life ends: what let a file go counts on more there
  // than at any other time. 0: none.
  uint32_t crash_at_change_one_in = 0;
  Duration retention{};
  uint32_t clock_jump_one_in = 0;
  // Whether a log that filled all it may have must take appends again once little of it is live.
  bool checks_room = false;

  // The log fills what it may have, and makes room by itself.
  bool RoomIsShort() const;
  std::string ToString() const;
};

SimSettings DrawSettings(uint64_t seed);

}  // namespace millrace::sim
