#include "dataplane/kinesis/put_call.h"

#include <algorithm>
#include <numeric>

#include "dataplane/kinesis/put_reply.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

using shard::ShardTable;
using storage::AppendResult;

void PutCall::Start() {
  if (!Read()) return;
  const auto table = plane_.placement.table();
  generation_ = table->generation();
  Result<shard::StreamPtr> stream = FindStream(plane_, *table, put_.stream_name, put_.stream_arn);
  if (!stream.ok()) return call_->Fail(stream.status());
  stream_ = std::move(stream).value();
  if (const Status wrong = Check(); !wrong.ok()) return call_->Fail(wrong);
  if (dry_run_) return call_->Fail(DryRunSucceeded());
  give_up_at_ = plane_.clock.Now() + plane_.reshard_wait_max;
  batch_of_.resize(put_.records.size());
  std::vector<uint32_t> all(put_.records.size());
  std::iota(all.begin(), all.end(), 0);
  if (const Status wrong = Route(all, /*admit=*/true); !wrong.ok()) return call_->Fail(wrong);
  Append(0);
}

void PutCall::Append(size_t first_batch) {
  parts_.clear();
  for (size_t i = first_batch; i < batches_.size(); ++i) {
    if (!batches_[i].status.ok()) continue;
    const size_t lane = batches_[i].shard->lane;
    auto part = std::find_if(parts_.begin(), parts_.end(),
                             [&](const LanePart& p) { return p.lane == lane; });
    if (part == parts_.end()) part = parts_.insert(part, LanePart{.lane = lane, .batches = {}});
    part->batches.push_back(static_cast<uint32_t>(i));
  }
  parts_left_ = parts_.size();
  if (parts_left_ == 0) return Finish();
  for (LanePart& part : parts_) {
    part.left = part.batches.size();
    // Posted also where the lane is on this executor: parts_ must not change under the loop.
    plane_.log.lane_executor(part.lane).Post(
        [self = shared_from_this(), &part] { self->AppendOn(part); });
  }
}

void PutCall::AppendOn(LanePart& part) {
  storage::Lane& lane = plane_.log.lane(part.lane);
  for (const uint32_t i : part.batches) {
    PutBatch& batch = batches_[i];
    const storage::ExtentId extent = batch.stream->Extent(*batch.shard, batch.shard->open_epoch());
    lane.AppendRecords(
        {extent, batch.records.Take(), batch.count},
        [self = shared_from_this(), &part, &batch](const Result<AppendResult>& result) {
          batch.status = result.status();
          if (result.ok()) {
            batch.first_index = result->first_index;
            batch.arrival_ms = result->arrival_ms;
          }
          if (--part.left > 0) return;
          RunOn(self->call_->executor(), [self] { self->PartDone(); });
        });
  }
}

void PutCall::TellPartDone(const LanePart& part) {
  Executor& executor = call_->executor();
  if (executor.OnThisExecutor()) return PartDone();
  plane_.mail.Post(plane_.log.lane_executor(part.lane), executor,
                   [self = shared_from_this()] { self->PartDone(); });
}

void PutCall::PartDone() {
  if (--parts_left_ > 0) return;
  std::vector<uint32_t> again = EntriesToRetry();
  if (again.empty()) return Finish();
  WaitForNewerTable(std::move(again));
}

// Those whose extent was sealed or is gone since they were routed.
std::vector<uint32_t> PutCall::EntriesToRetry() {
  std::vector<uint32_t> entries;
  for (uint32_t i = 0; i < batch_of_.size(); ++i) {
    const Code code = batches_[batch_of_[i]].status.code();
    if (code == Code::kResourceInUse || code == Code::kNotFound) entries.push_back(i);
  }
  return entries;
}

void PutCall::WaitForNewerTable(std::vector<uint32_t> entries) {
  const MonoTime now = plane_.clock.Now();
  if (now >= give_up_at_) return Finish();
  // Whichever comes first, the table or the time, ends the round. The timer keeps this alive: a
  // waiter may be called long after, when the next map comes.
  const uint64_t round = ++round_;
  auto shared_entries = std::make_shared<std::vector<uint32_t>>(std::move(entries));
  timer_ = call_->executor().RunAfter(give_up_at_ - now, [self = shared_from_this(), round] {
    if (self->round_ != round) return;
    ++self->round_;
    self->Finish();
  });
  plane_.placement.WhenNewer(generation_, call_->executor(),
                             [weak = weak_from_this(), round, shared_entries] {
                               const std::shared_ptr<PutCall> self = weak.lock();
                               if (self == nullptr || self->round_ != round) return;
                               ++self->round_;
                               self->call_->executor().Cancel(self->timer_);
                               self->Retry(*shared_entries);
                             });
}

void PutCall::Retry(const std::vector<uint32_t>& entries) {
  const auto table = plane_.placement.table();
  generation_ = table->generation();
  shard::StreamPtr stream = table->ByUid(stream_->uid());
  if (stream == nullptr) {
    if (entries.size() == batch_of_.size())
      return call_->Fail(StreamNotFound(stream_->name(), stream_->account()));
    return Finish();
  }
  stream_ = std::move(stream);
  const size_t first_batch = batches_.size();
  if (const Status wrong = Route(entries, /*admit=*/false); !wrong.ok()) return call_->Fail(wrong);
  Append(first_batch);
}

void PutCall::Finish() {
  CountMetrics();
  if (single_) return AnswerSingle();
  call_->Ok(EncodePutRecordsReply(call_->protocol, batch_of_, batches_, stream_->map().encrypted));
}

void PutCall::AnswerSingle() {
  const PutBatch& batch = batches_.front().status.ok() ? batches_.front() : batches_.back();
  if (batch.status.ok()) {
    return call_->Ok(EncodePutRecordReply(call_->protocol, batch, stream_->map().encrypted));
  }
  switch (batch.status.code()) {
    case Code::kThrottled:
      return call_->Fail(RateExceeded(*batch.stream, *batch.shard));
    case Code::kNoSpace:
      return call_->Fail(batch.status);
    default:
      return call_->Fail(Internal(batch.status.ToString()));
  }
}

void PutCall::CountMetrics() const {
  uint64_t bytes = 0;
  uint64_t records = 0;
  uint64_t throttled = 0;
  for (const uint32_t i : batch_of_) {
    const Code code = batches_[i].status.code();
    throttled += code == Code::kThrottled || code == Code::kNoSpace ? 1 : 0;
  }
  for (const PutBatch& batch : batches_) {
    if (!batch.status.ok()) continue;
    bytes += batch.payload_bytes;
    records += batch.count;
    const shard::ShardMetrics& m = batch.shard->metrics;
    if (m.incoming_bytes != nullptr)
      m.incoming_bytes->Add(static_cast<double>(batch.payload_bytes));
    if (m.incoming_records != nullptr) m.incoming_records->Add(batch.count);
  }
  const shard::StreamMetrics& m = stream_->metrics().stream();
  const double seconds = std::chrono::duration<double>(plane_.clock.Now() - call_->started).count();
  const double total = static_cast<double>(batch_of_.size());
  if (records > 0) {
    m.incoming_bytes->Add(static_cast<double>(bytes));
    m.incoming_records->Add(static_cast<double>(records));
  }
  if (throttled > 0) m.write_throttled->Add(static_cast<double>(throttled));
  if (single_) {
    m.put_record_bytes->Add(static_cast<double>(bytes));
    if (records > 0) m.put_record_success->Add();
    m.put_record_latency->Observe(seconds);
    return;
  }
  m.put_records_bytes->Add(static_cast<double>(bytes));
  if (records > 0) m.put_records_success->Add();
  m.put_records_total_records->Add(total);
  m.put_records_successful_records->Add(static_cast<double>(records));
  m.put_records_failed_records->Add(total - static_cast<double>(records + throttled));
  m.put_records_throttled_records->Add(static_cast<double>(throttled));
  m.put_records_latency->Observe(seconds);
}

}  // namespace millrace::kinesis
