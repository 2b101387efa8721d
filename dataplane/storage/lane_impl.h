#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/storage/cleaner.h"
#include "dataplane/storage/index_loader.h"
#include "dataplane/storage/lane.h"
#include "dataplane/storage/lane_context.h"
#include "dataplane/storage/lane_reader.h"
#include "dataplane/storage/lane_recovery.h"
#include "dataplane/storage/lane_writer.h"
#include "dataplane/storage/segment_set.h"

namespace millrace::storage {

// The lane of lane.h, whose promises are there: checks requests, keeps the extents' states, and
// hands the work to its parts, which it owns and which know nothing of each other but what their
// constructors take. Lives on the lane's executor. Made from what recovery found, it changes
// nothing on the disk before Start; destroyed without Close it leaves what a crash would.
class LaneImpl final : public Lane {
 public:
  LaneImpl(LaneOptions options, Disk& disk, Clock& clock, Executor& executor,
           RecoveredLane recovered, uint64_t segment_bytes);
  ~LaneImpl() override;
  void Start();

  void OpenExtent(ExtentId id, bool encrypted, UniqueFunction<void(Status)> done) override;
  void Seal(ExtentId id, UniqueFunction<void(Result<uint64_t>)> done) override;
  void Drop(ExtentId id, UniqueFunction<void(Status)> done) override;
  void Trim(ExtentId id, WallMs horizon_ms) override;
  void AppendRecords(Append append, UniqueFunction<void(Result<AppendResult>)> done) override;
  void Read(ExtentId id, uint64_t from_index, size_t bytes_max,
            UniqueFunction<void(Result<ReadResult>)> done) override;
  Result<uint64_t> IndexAtTime(ExtentId id, WallMs ms) const override;
  std::optional<ExtentInfo> Info(ExtentId id) const override;
  std::vector<ExtentInfo> Extents() const override;
  void SetCommitListener(std::function<void(const ExtentId&, const Chunk&)> on_commit) override;
  void SetFencedListener(std::function<void(const Status&)> on_fenced) override;
  Stats stats() const override;
  void Close(UniqueFunction<void()> done) override;

 private:
  void AdoptSegments(ReplayedLog& log, uint64_t next_number);
  void ResumeNewest(const ReplayedLog& log);
  void AdoptExtent(ReplayedExtent& replayed);
  Status MakeKey(ExtentState& extent);
  void Unwrap(ExtentState& extent);
  void Dropped(const std::shared_ptr<ExtentState>& extent, const Status& status);
  size_t TableBytes() const;
  void ScheduleMaintenance();
  void CheckClosed();
  void Fenced(const Status& why);

  LaneContext lane_;
  std::function<void(const Status&)> on_fenced_;
  SegmentSet segments_;
  IndexLoader indexes_;
  LaneWriter writer_;
  LaneReader reader_;
  Cleaner cleaner_;
  std::vector<uint64_t> unused_;  // segments without a block, until Start
  bool maintenance_scheduled_ = false;
  bool closing_ = false;
  bool drained_ = false;
  UniqueFunction<void()> closed_;
};

}  // namespace millrace::storage
