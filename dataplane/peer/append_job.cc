#include <algorithm>

#include "dataplane/format/record_format.h"
#include "dataplane/peer/peer_server.h"

namespace millrace::peer {
namespace {

using storage::AppendResult;
using storage::RecordReader;

// Whether the records are as many as was said, and whole.
bool HoldsTogether(const AppendBatch& batch) {
  RecordReader reader(batch.records);
  uint32_t count = 0;
  while (reader.Next()) ++count;
  return !reader.corrupt() && count == batch.count && count > 0;
}

// One append request being done: on its connection's executor but for AppendOn; shared by its
// callbacks.
class AppendJob : public std::enable_shared_from_this<AppendJob> {
 public:
  AppendJob(PeerServices& services, RequestHead head, AppendRequest request, WriterPtr writer)
      : services_(services),
        head_(std::move(head)),
        request_(std::move(request)),
        writer_(std::move(writer)),
        outcomes_(request_.batches.size()) {}

  void Start();

 private:
  // What goes to one lane.
  struct Part {
    size_t lane = 0;
    std::vector<size_t> batches;
    size_t left = 0;  // on the lane's executor
  };
  void Append();
  void AppendOn(Part& part);
  void AppendBatchOn(Part& part, storage::Lane& lane, size_t i);
  // What of the batch its shard's rate admits; notes the rest as refused.
  storage::Append Admitted(const storage::ExtentId& extent, size_t i);
  void BatchDone(Part& part);
  void PartDone();
  void Answer();

  PeerServices& services_;
  const RequestHead head_;
  const AppendRequest request_;
  const WriterPtr writer_;
  shard::StreamPtr stream_;  // null where the map is gone
  std::vector<AppendOutcome> outcomes_;
  std::vector<Part> parts_;
  size_t parts_left_ = 0;
};

void AppendJob::Start() {
  AppendWindow::Done known = [self = shared_from_this()](std::vector<AppendOutcome> outcomes) {
    self->writer_->executor().Post([self, outcomes = std::move(outcomes)]() mutable {
      self->outcomes_ = std::move(outcomes);
      self->Answer();
    });
  };
  const Result<bool> first = services_.window.Begin(request_, services_.clock.Now(), known);
  if (!first.ok()) return Refuse(writer_, services_, head_.stream, first.status());
  if (*first) Append();
}

void AppendJob::Append() {
  stream_ = services_.placement.table()->ByUid(head_.stream);
  for (size_t i = 0; i < request_.batches.size(); ++i) {
    if (!HoldsTogether(request_.batches[i])) {
      outcomes_[i].code = Code::kInternal;
      continue;
    }
    const size_t lane = services_.log.LaneOf(head_.stream, request_.batches[i].shard);
    auto part =
        std::find_if(parts_.begin(), parts_.end(), [&](const Part& p) { return p.lane == lane; });
    if (part == parts_.end()) part = parts_.insert(part, Part{.lane = lane, .batches = {}});
    part->batches.push_back(i);
  }
  parts_left_ = parts_.size() + 1;
  for (Part& part : parts_) {
    part.left = part.batches.size();
    services_.log.lane_executor(part.lane).Post(
        [self = shared_from_this(), &part] { self->AppendOn(part); });
  }
  PartDone();
}

void AppendJob::AppendOn(Part& part) {
  storage::Lane& lane = services_.log.lane(part.lane);
  for (const size_t i : part.batches) AppendBatchOn(part, lane, i);
}

void AppendJob::AppendBatchOn(Part& part, storage::Lane& lane, size_t i) {
  const storage::ExtentId extent{head_.stream, request_.batches[i].shard,
                                 request_.batches[i].epoch};
  const auto info = lane.Info(extent);
  // Not here by a map that is as new as the sender's: it is to look again.
  if (!info || info->sealed) {
    outcomes_[i].code = Code::kResourceInUse;
    return BatchDone(part);
  }
  storage::Append append = Admitted(extent, i);
  if (append.count == 0) {
    outcomes_[i].code = Code::kThrottled;
    return BatchDone(part);
  }
  lane.AppendRecords(
      std::move(append), [self = shared_from_this(), &part, i](const Result<AppendResult>& result) {
        AppendOutcome& outcome = self->outcomes_[i];
        outcome.code = result.status().code() == Code::kNotFound ? Code::kResourceInUse
                                                                 : result.status().code();
        if (result.ok()) {
          outcome.first_index = result->first_index;
          outcome.arrival_ms = result->arrival_ms;
        }
        self->BatchDone(part);
      });
}

storage::Append AppendJob::Admitted(const storage::ExtentId& extent, size_t i) {
  const AppendBatch& batch = request_.batches[i];
  const shard::ShardView* shard = stream_ == nullptr ? nullptr : stream_->Find(batch.shard);
  if (shard == nullptr || !stream_->map().enforce_shard_limits)
    return {extent, batch.records, batch.count};
  const MonoTime now = services_.clock.Now();
  std::string refused;
  storage::RecordBatch kept;
  RecordReader reader(batch.records);
  while (const auto record = reader.Next(/*verify_checksum=*/false)) {
    const size_t bytes = record->key.size() + record->data.size();
    const bool admitted = shard->state->limits.AdmitRecord(bytes, now);
    refused.push_back(admitted ? '\0' : '\1');
    if (admitted) kept.Add(record->key, record->data);
  }
  if (kept.count() == batch.count) return {extent, batch.records, batch.count};
  outcomes_[i].refused = std::move(refused);
  const uint32_t count = kept.count();
  return {extent, count == 0 ? Slice() : kept.Take(), count};
}

void AppendJob::BatchDone(Part& part) {
  if (--part.left > 0) return;
  writer_->executor().Post([self = shared_from_this()] { self->PartDone(); });
}

void AppendJob::PartDone() {
  if (--parts_left_ > 0) return;
  services_.window.End(request_.channel, request_.number, outcomes_);
  Answer();
}

void AppendJob::Answer() {
  // Durable, but others may have taken the shard over meanwhile: it is not acknowledged.
  if (services_.reach.silent()) {
    for (AppendOutcome& outcome : outcomes_) {
      if (outcome.code == Code::kOk) outcome.code = Code::kInternal;
    }
  }
  peer::Answer(writer_, Encode(ReplyOf(services_, head_.stream), outcomes_));
}

}  // namespace

void TakeAppend(PeerServices& services, Slice body, WriterPtr writer) {
  auto read = Decode<RequestHead, AppendRequest>(std::move(body));
  if (!read.ok()) return writer->Send({400, {}, {}});
  const RequestHead head = read->first;
  auto job = std::make_shared<AppendJob>(services, std::move(read->first), std::move(read->second),
                                         writer);
  CatchUp(services, head, writer->executor(), [&services, head, job, writer](bool caught_up) {
    if (!caught_up)
      return Refuse(writer, services, head.stream, Unavailable("the map is not here yet"));
    // It has to hear of all maps first, of which this one is but one.
    services.reach.WhenReached(
        writer->executor(), kCatchUpWaitMax, [&services, head, job, writer](bool reached) {
          if (reached) return job->Start();
          Refuse(writer, services, head.stream, Unavailable("this pod was cut off"));
        });
  });
}

}  // namespace millrace::peer
