#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/disk/buffer_pool.h"
#include "dataplane/storage/block_builder.h"
#include "dataplane/storage/lane_context.h"
#include "dataplane/storage/segment_set.h"

namespace millrace::storage {

// The write path of a lane: a queue of work, blocks built from whatever is queued, several durable
// writes in flight, acknowledgements strictly in the order of the blocks. No timers but the one
// that writes the watermark after a pause. Owned by the lane; lives on its executor.
class LaneWriter {
 public:
  struct Start {
    uint64_t incarnation = 0;  // of this run: greater than any on the disk
    Lsn prior_end_lsn = 0;
  };
  LaneWriter(LaneContext& lane, SegmentSet& segments, Start start,
             std::function<void(const Status&)> on_fenced);
  ~LaneWriter();

  void SetCommitListener(std::function<void(const ExtentId&, const Chunk&)> on_commit) {
    on_commit_ = std::move(on_commit);
  }
  // Queues work; its callback runs when it is durable, or with the failure.
  void Submit(WorkItem item);
  // Logs where the extents begin now, as far as the log does not say so yet; `done` gets whether it
  // does. What the trims before this call took may go after that.
  void LogBegins(std::function<void(bool logged)> done);
  // Writes what is queued as soon as the disk and the segments let it.
  void Pump();
  // A segment was prepared, or there is no space for one.
  void OnSegmentsChanged();
  // Fails all work, in flight and queued, with kFenced; no write is begun any more.
  void Fence(const Status& why);
  bool fenced() const { return fenced_; }
  bool full() const { return full_; }
  // kNoSpace, with what is short of what.
  Status NoSpace() const;
  // Bytes of appends that wait to be durable.
  uint64_t pending_bytes() const { return pending_bytes_; }
  bool idle() const { return queue_.empty() && moves_.empty() && in_flight_.empty(); }
  // `done` runs once everything queued is durable and the watermark is written, or at once if
  // fenced.
  void Drain(std::function<void()> done);
  // The largest append that is sure to fit in a segment, beside the largest table and the reserve.
  uint64_t append_bytes_max() const { return segments_.segment_bytes() / 8 * 5; }
  // What the cleaner may write now.
  uint64_t move_allowance() const;
  uint64_t table_bytes_max() const { return segments_.segment_bytes() / 4; }

 private:
  struct InFlight {
    Lsn lsn = 0;
    Segment* segment = nullptr;
    std::shared_ptr<BlockBuffer> buffer;
    BuiltBlock block;
    uint64_t offset = 0;
    Lsn watermark = 0;  // that its header carries
    bool last_table_part = false;
    bool durable = false;
    MonoTime submitted{};
  };
  enum class Built { kBlock, kNothing, kStalled };

  void SchedulePump();
  bool MayWrite() const;
  Built BuildNext();
  Built BuildTable();
  std::vector<TableRow> TableRows();
  Built BuildWork();
  Built BuildWatermark();
  uint64_t ControlReserve(const Segment& active) const;
  // Space that `item` may use in the active segment.
  uint64_t Allowance(const WorkItem& item) const;
  bool Fits(const WorkItem& item) const;
  bool TakeWork(std::vector<WorkItem>* items);
  Built OnNoRoom();
  void EnterFull();
  void Write(BlockPlan plan, bool last_table_part);
  void OnWritten(InFlight* written, size_t bytes, const Status& status);
  void Acknowledge(InFlight& block);
  void AcknowledgeChunks(InFlight& block);
  void FinishItems(InFlight& block);
  void ArmWatermark();
  void CheckDrained();
  void AddPending(int64_t bytes);

  LaneContext& lane_;
  SegmentSet& segments_;
  const Start start_;
  const std::function<void(const Status&)> on_fenced_;
  std::function<void(const ExtentId&, const Chunk&)> on_commit_;
  BufferPool& buffers_;

  std::deque<WorkItem> queue_;  // appends and control entries, in their order
  std::deque<WorkItem> moves_;  // the cleaner's, written when there is room beside the queue
  uint64_t queued_bytes_ = 0;
  uint64_t pending_bytes_ = 0;
  std::deque<std::string> table_parts_;
  uint32_t table_part_count_ = 0;
  bool need_table_ = true;
  std::deque<std::unique_ptr<InFlight>> in_flight_;
  Lsn next_lsn_;
  Lsn committed_lsn_;          // acknowledged
  Lsn written_watermark_ = 0;  // the highest that a durable block carries
  Lsn data_lsn_ = 0;           // the last acknowledged block that the watermark matters for
  bool incarnation_durable_ = false;
  bool pump_scheduled_ = false;
  bool fenced_ = false;
  bool full_ = false;
  bool watermark_wanted_ = false;
  bool watermark_armed_ = false;
  Executor::TimerId watermark_timer_ = 0;
  MonoTime last_acknowledged_{};
  std::function<void()> drained_;
};

}  // namespace millrace::storage
