#pragma once

#include <string>

#include "common/base/status.h"
#include "dataplane/placement/extent_claim.h"

namespace millrace::shard {

// Which volume a log is on, by a file beside its lanes (docs/formats/volume.md): an id that a
// folder gets with its first start and that is never given again. A log of which a lane is gone is
// another volume. Blocks; main only.
class VolumeIdentity {
 public:
  // Looks before the log is opened, which makes what is not there. kInvalidArgument for a file that
  // does not parse.
  static Result<VolumeIdentity> Look(std::string log_folder);
  // The volume of the opened log, of `lanes` lanes. Durable on return, before which no extent may
  // be opened.
  Result<Volume> Settle(size_t lanes, WallMs now);

 private:
  explicit VolumeIdentity(std::string log_folder) : log_folder_(std::move(log_folder)) {}
  Status Save() const;

  std::string log_folder_;
  Volume volume_;           // id "": it has none yet, or what had one is not whole
  size_t lanes_ = 0;        // that it had when it was written
  bool had_lanes_ = false;  // a log is there that knows of no id
};

}  // namespace millrace::shard
