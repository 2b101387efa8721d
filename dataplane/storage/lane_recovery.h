#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/unique_function.h"
#include "dataplane/disk/disk.h"
#include "dataplane/storage/log_replay.h"
#include "dataplane/storage/segment_reader.h"

namespace millrace::storage {

// What the disk holds of a lane.
struct RecoveredLane {
  uint64_t log_id = 0;
  ReplayedLog log;
  uint64_t next_number = 1;  // greater than any file's
  std::vector<Disk::FileInfo> free_files;
};

// Reads a lane's files: the directories of full segments, and those segments that have none, whole.
// Keeps itself alive until `done` has run, on the executor of the disk's callbacks. Changes nothing
// but the log's id, made where there is no log yet, and indexes whose segments are gone.
class LaneRecovery : public std::enable_shared_from_this<LaneRecovery> {
 public:
  using Done = UniqueFunction<void(Result<RecoveredLane>)>;
  // Lists of old segments' chunks are read as far as `list_bytes_max` goes, the newest first.
  static void Run(Disk& disk, uint64_t list_bytes_max, Done done);

 private:
  LaneRecovery(Disk& disk, uint64_t list_bytes_max, Done done)
      : disk_(disk), list_bytes_left_(list_bytes_max), done_(std::move(done)) {}
  void Listed(const std::vector<Disk::FileInfo>& files);
  void ReadLogId();
  void MakeLogId();
  void ReadIndexes();
  void ReadIndex(size_t i, size_t bytes);
  void IndexRead(size_t i, const Result<Slice>& data);
  static void ReadLists(std::string_view file, FoundSegment* segment);
  void ScanNext();
  void Scanned();
  void Fail(const Status& status);

  Disk& disk_;
  uint64_t list_bytes_left_;
  Done done_;
  std::optional<uint64_t> log_id_;
  bool has_log_id_file_ = false;
  RecoveredLane recovered_;
  std::vector<FoundSegment> segments_;  // in the order of their numbers
  std::vector<size_t> to_scan_;         // positions in segments_, newest last
  size_t indexes_left_ = 0;
};

}  // namespace millrace::storage
