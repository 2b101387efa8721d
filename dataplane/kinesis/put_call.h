#pragma once

#include <optional>
#include <vector>

#include "dataplane/format/record_format.h"
#include "dataplane/kinesis/call.h"
#include "dataplane/kinesis/data_plane.h"
#include "dataplane/kinesis/put_records_scanner.h"

namespace millrace::kinesis {

// The records of one call that go to one shard, in the call's order, and what became of them.
struct PutBatch {
  PutBatch(shard::StreamPtr s, const shard::ShardView* v) : stream(std::move(s)), shard(v) {}

  shard::StreamPtr stream;                  // keeps `shard`
  const shard::ShardView* shard = nullptr;  // null where no shard takes the key
  size_t bytes_expected = 0;
  storage::RecordBatch records;
  uint32_t count = 0;
  uint64_t payload_bytes = 0;
  Status status;  // ok: durable
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;
  std::string refused;  // by another pod: one byte a record, 1 where it was over the shard's rate
};

// PutRecord and PutRecords on their way: read, checked, hashed and encoded into one batch a shard
// on the connection's executor; appended on the lanes, one post a lane; answered when every batch
// is durable or has failed. A batch whose shard was just sealed by a reshard is routed again by the
// next table, so that nobody sees a reshard as a failure; for longer than
// DataPlane::reshard_wait_max it does not wait.
//
// Lives on the connection's executor, but for the part in AppendOn; shared by its callbacks.
class PutCall : public std::enable_shared_from_this<PutCall> {
 public:
  PutCall(DataPlane& plane, CallPtr call, bool single)
      : plane_(plane), call_(std::move(call)), single_(single) {}
  void Start();

 private:
  void Begin();

  // What goes to one lane.
  struct LanePart {
    size_t lane = 0;
    std::vector<uint32_t> batches;
    size_t left = 0;  // on the lane's executor
  };
  // What goes to one other pod.
  struct RemotePart {
    const std::string* owner = nullptr;
    std::vector<uint32_t> batches;
  };

  // Reading and checking; false after the call was answered.
  bool Read();
  bool ReadGeneral();
  Status Check() const;
  Status CheckRecord(const ScannedRecord& record, size_t index) const;
  Status CheckOrdering() const;

  // Routing.
  Status Route(const std::vector<uint32_t>& entries, bool admit);
  const shard::ShardView* ShardOf(const ScannedRecord& record,
                                  const resources::HashKey& hashed) const;
  uint32_t BatchFor(const shard::ShardView* shard, bool throttled,
                    std::vector<uint32_t>& batch_of_slot);
  Status Encode(const std::vector<uint32_t>& entries);

  // Appending.
  void Append(size_t first_batch);
  void AppendOn(LanePart& part);
  void AppendElsewhere(RemotePart part);
  void TakeOutcomes(const RemotePart& part, std::vector<peer::AppendOutcome> outcomes);
  void SetRefusedApart();
  void TellPartDone(const LanePart& part);
  void PartDone();
  std::vector<uint32_t> EntriesToRetry();
  void WaitForNewerTable(std::vector<uint32_t> entries);
  void Retry(const std::vector<uint32_t>& entries);

  void Finish();
  void Disown();
  void CountMetrics() const;
  void AnswerSingle();

  DataPlane& plane_;
  const CallPtr call_;
  const bool single_;
  ScannedPut put_;
  json::Value document_;   // where the general way was taken: what `put_` points into
  std::string made_key_;   // of records that have none, where none is needed
  bool raw_data_ = false;  // data is bytes, not base64
  bool dry_run_ = false;
  bool keys_missing_ = false;
  shard::StreamPtr stream_;
  uint64_t generation_ = 0;  // of the table that routed last
  MonoTime give_up_at_{};
  uint64_t round_ = 0;
  Executor::TimerId timer_ = 0;
  std::vector<uint32_t> batch_of_;  // by record
  std::vector<PutBatch> batches_;
  std::vector<LanePart> parts_;
  bool refused_ = false;  // a batch has refused records
  size_t parts_left_ = 0;
};

}  // namespace millrace::kinesis
