#include "dataplane/kinesis/put_call.h"

#include <algorithm>
#include <numeric>

#include "dataplane/kinesis/put_reply.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

using shard::ShardTable;
using storage::AppendResult;

namespace {

// The part of `parts` that fits, or a new one at the end.
template <typename Part, typename Fits>
Part& PartFor(std::vector<Part>& parts, Fits fits) {
  const auto part = std::find_if(parts.begin(), parts.end(), fits);
  return part != parts.end() ? *part : parts.emplace_back();
}

}  // namespace

void PutCall::Start() {
  plane_.WhenReached(call_->executor(), [self = shared_from_this()](bool reached) {
    if (reached) return self->Begin();
    self->call_->Fail(Unavailable("this pod reaches no other and no source of shard maps"));
  });
}

void PutCall::Begin() {
  if (!Read()) return;
  const auto table = plane_.placement.table();
  generation_ = table->generation();
  Result<shard::StreamPtr> stream =
      FindStream(plane_, *table, *call_, put_.stream_name, put_.stream_arn);
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
  std::vector<RemotePart> elsewhere;
  for (size_t i = first_batch; i < batches_.size(); ++i) {
    if (!batches_[i].status.ok()) continue;
    const shard::ShardView& shard = *batches_[i].shard;
    if (shard.head_elsewhere != nullptr) {
      RemotePart& part = PartFor(
          elsewhere, [&](const RemotePart& p) { return *p.owner == *shard.head_elsewhere; });
      part.owner = shard.head_elsewhere;
      part.batches.push_back(static_cast<uint32_t>(i));
      continue;
    }
    LanePart& part = PartFor(parts_, [&](const LanePart& p) { return p.lane == shard.lane; });
    part.lane = shard.lane;
    part.batches.push_back(static_cast<uint32_t>(i));
  }
  parts_left_ = parts_.size() + elsewhere.size();
  if (parts_left_ == 0) return Finish();
  for (LanePart& part : parts_) {
    part.left = part.batches.size();
    // Posted also where the lane is on this executor: parts_ must not change under the loop.
    plane_.log.lane_executor(part.lane).Post(
        [self = shared_from_this(), &part] { self->AppendOn(part); });
  }
  for (RemotePart& part : elsewhere) AppendElsewhere(std::move(part));
}

void PutCall::AppendElsewhere(RemotePart part) {
  peer::AppendOrder order;
  order.owner = *part.owner;
  order.stream = stream_;
  order.give_up_at = give_up_at_;
  for (const uint32_t i : part.batches) {
    PutBatch& batch = batches_[i];
    order.batches.push_back(
        {batch.shard->index(), batch.shard->open_epoch(), batch.count, batch.records.Take()});
  }
  // Posted, so that an answer that is there at once does not end the call under its own loop.
  call_->executor().Post(
      [self = shared_from_this(), part = std::move(part), order = std::move(order)]() mutable {
        self->plane_.peers->Append(
            self->call_->executor(), std::move(order),
            [self, part = std::move(part)](std::vector<peer::AppendOutcome> outcomes) {
              self->TakeOutcomes(part, std::move(outcomes));
            });
      });
}

void PutCall::TakeOutcomes(const RemotePart& part, std::vector<peer::AppendOutcome> outcomes) {
  for (size_t n = 0; n < outcomes.size(); ++n) {
    PutBatch& batch = batches_[part.batches[n]];
    peer::AppendOutcome& outcome = outcomes[n];
    if (outcome.code != Code::kOk) batch.status = Status(outcome.code, "said by " + *part.owner);
    batch.first_index = outcome.first_index;
    batch.arrival_ms = outcome.arrival_ms;
    batch.refused = std::move(outcome.refused);
    refused_ = refused_ || !batch.refused.empty();
  }
  PartDone();
}

// Records that their shard's owner did not admit become batches of their own, which failed.
void PutCall::SetRefusedApart() {
  refused_ = false;
  const size_t count = batches_.size();
  for (uint32_t b = 0; b < count; ++b) {
    const std::string refused = std::move(batches_[b].refused);
    batches_[b].refused.clear();
    if (refused.empty() || !batches_[b].status.ok()) continue;
    const auto apart = static_cast<uint32_t>(batches_.size());
    batches_.emplace_back(batches_[b].stream, batches_[b].shard).status =
        Status(Code::kThrottled, "over the shard's rate");
    size_t n = 0;
    for (uint32_t i = 0; i < batch_of_.size() && n < refused.size(); ++i) {
      if (batch_of_[i] != b || refused[n++] == '\0') continue;
      batch_of_[i] = apart;
      --batches_[b].count;
      ++batches_[apart].count;
    }
  }
}

void PutCall::AppendOn(LanePart& part) {
  storage::Lane& lane = plane_.log.lane(part.lane);
  for (const uint32_t i : part.batches) {
    PutBatch& batch = batches_[i];
    const storage::ExtentId extent = batch.stream->Extent(*batch.shard, batch.shard->open_epoch());
    const uint32_t crc = batch.records.crc();
    lane.AppendRecords(
        {extent, batch.records.Take(), batch.count, crc},
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
  if (refused_) SetRefusedApart();
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
  plane_.placement.WhenNewer(
      generation_, call_->executor(), [weak = weak_from_this(), round, shared_entries] {
        const std::shared_ptr<PutCall> self = weak.lock();
        if (self == nullptr || self->round_ != round) return;
        ++self->round_;
        self->call_->executor().Cancel(self->timer_);
        self->plane_.WhenReached(self->call_->executor(), [self, shared_entries](bool reached) {
          if (reached) return self->Retry(*shared_entries);
          self->Finish();
        });
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
  if (plane_.silent()) Disown();
  CountMetrics();
  if (single_) return AnswerSingle();
  call_->Ok(EncodePutRecordsReply(call_->protocol, batch_of_, batches_, stream_->map().encrypted));
}

// What is durable here may have come after others took the shards over: nobody is told that it is.
void PutCall::Disown() {
  for (PutBatch& batch : batches_) {
    if (batch.status.ok()) batch.status = Unavailable("this pod reaches no other");
  }
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
