#include <algorithm>

#include "dataplane/format/record_format.h"
#include "dataplane/peer/peer_server.h"

namespace millrace::peer {
namespace {

constexpr uint32_t kBytesMax = 16 * kMiB;
constexpr uint32_t kWaitMsMax = 5'000;
constexpr uint64_t kCallBytesMax = 10 * kMiB;  // of one GetRecords call
constexpr size_t kWaitsMax = 8;                // times a wait may end with nothing to show

// One read request. Lives on its lane's executor, shared by what it waits for; its answer is given
// on its connection's.
class ReadJob : public std::enable_shared_from_this<ReadJob> {
 public:
  ReadJob(PeerServices& services, const RequestHead& head, const ReadRequest& request,
          WriterPtr writer)
      : services_(services),
        head_(head),
        request_(request),
        id_{head.stream, request.shard, request.epoch},
        lane_(services.log.LaneOf(head.stream, request.shard)),
        writer_(std::move(writer)) {}

  void Start() {
    executor().Post([self = shared_from_this()] { self->Read(); });
  }

 private:
  Executor& executor() { return services_.log.lane_executor(lane_); }
  void Read();
  void Take(storage::ReadResult read);
  void Wait();
  void Woken();
  void Answer(Status status, ReadReply reply);
  void Charge(const ReadReply& reply) const;

  PeerServices& services_;
  const RequestHead head_;
  const ReadRequest request_;
  const storage::ExtentId id_;
  const size_t lane_;
  const WriterPtr writer_;
  MonoTime waits_until_{};
  Executor::TimerId timer_ = 0;
  bool waiting_ = false;
  size_t waits_ = 0;
};

void ReadJob::Read() {
  storage::Lane& lane = services_.log.lane(lane_);
  if (!lane.Info(id_)) {
    return Answer(IsMissing(services_, id_) ? Unavailable(std::string(kVolumeAway))
                                            : NotFound("no such extent here"),
                  {});
  }
  lane.Read(id_, request_.from_index, std::min(request_.bytes_max, kBytesMax),
            [self = shared_from_this()](Result<storage::ReadResult> read) {
              if (!read.ok()) return self->Answer(Unavailable(read.status().ToString()), {});
              self->Take(std::move(read).value());
            });
}

void ReadJob::Take(storage::ReadResult read) {
  const auto info = services_.log.lane(lane_).Info(id_);
  const uint64_t end = info ? info->end_index : read.next_index;
  if (read.end_of_extent && IsMissing(services_, id_)) {
    read.end_of_extent = false;
    if (read.chunks.empty()) return Answer(Unavailable(std::string(kVolumeAway)), {});
  }
  const bool nothing = read.chunks.empty() && !read.end_of_extent && read.next_index >= end;
  if (nothing && request_.wait_ms > 0 && waits_ < kWaitsMax) {
    const MonoTime now = services_.clock.Now();
    if (waits_ == 0)
      waits_until_ = now + std::chrono::milliseconds(std::min(request_.wait_ms, kWaitMsMax));
    if (now < waits_until_) return Wait();
  }
  Answer(OkStatus(), {std::move(read), end});
}

void ReadJob::Wait() {
  ++waits_;
  waiting_ = true;
  timer_ = executor().RunAfter(waits_until_ - services_.clock.Now(),
                               [self = shared_from_this()] { self->Woken(); });
  const std::weak_ptr<ReadJob> weak = weak_from_this();
  services_.fan_outs[lane_]->AwaitTail(id_, [weak] {
    const std::shared_ptr<ReadJob> self = weak.lock();
    if (self != nullptr) self->executor().Post([self] { self->Woken(); });
  });
}

void ReadJob::Woken() {
  if (!waiting_) return;
  waiting_ = false;
  executor().Cancel(timer_);
  Read();
}

void ReadJob::Charge(const ReadReply& reply) const {
  const shard::StreamPtr stream = services_.placement.table()->ByUid(head_.stream);
  const shard::ShardView* shard = stream == nullptr ? nullptr : stream->Find(request_.shard);
  if (shard == nullptr || !stream->map().enforce_shard_limits) return;
  uint64_t bytes = 0;
  uint32_t records = 0;
  for (const storage::Chunk& chunk : reply.read.chunks) {
    storage::RecordReader reader(chunk.records);
    for (uint64_t index = chunk.first_index; const auto record = reader.Next(false); ++index) {
      if (index < request_.from_index) continue;
      if (records == request_.records_max || bytes >= kCallBytesMax) break;
      ++records;
      bytes += record->key.size() + record->data.size();
    }
  }
  shard->state->limits.ChargeRead(bytes, bytes >= kCallBytesMax, services_.clock.Now());
}

void ReadJob::Answer(Status status, ReadReply reply) {
  writer_->executor().Post(
      [self = shared_from_this(), status = std::move(status), reply = std::move(reply)] {
        if (!status.ok()) return Refuse(self->writer_, self->services_, self->head_.stream, status);
        if (self->request_.records_max > 0) self->Charge(reply);
        peer::Answer(self->writer_, Encode(ReplyOf(self->services_, self->head_.stream), reply));
      });
}

// Of a GetRecords call: whether the shard's limits let it be made.
bool MayBeRead(const PeerServices& services, const RequestHead& head, const ReadRequest& request) {
  if (request.records_max == 0) return true;
  const shard::StreamPtr stream = services.placement.table()->ByUid(head.stream);
  const shard::ShardView* shard = stream == nullptr ? nullptr : stream->Find(request.shard);
  return shard == nullptr || !stream->map().enforce_shard_limits ||
         shard->state->limits.AdmitRead(services.clock.Now());
}

}  // namespace

void TakeRead(PeerServices& services, Slice body, WriterPtr writer) {
  auto read = Decode<RequestHead, ReadRequest>(std::move(body));
  if (!read.ok()) return writer->Send({400, {}, {}});
  const RequestHead head = read->first;
  const ReadRequest request = read->second;
  CatchUp(services, head, writer->executor(), [&services, head, request, writer](bool caught_up) {
    if (!caught_up)
      return Refuse(writer, services, head.stream, Unavailable("the map is not here yet"));
    if (!MayBeRead(services, head, request))
      return Refuse(writer, services, head.stream, Status(Code::kThrottled, "over its rate"));
    std::make_shared<ReadJob>(services, head, request, writer)->Start();
  });
}

}  // namespace millrace::peer
