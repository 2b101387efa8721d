#include "dataplane/storage/lane_impl.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/log/log.h"

namespace millrace::storage {
namespace {

ExtentInfo InfoOf(const ExtentState& extent) {
  ExtentInfo info;
  info.id = extent.id;
  info.begin_index = extent.begin_index;
  info.end_index = extent.end_index;
  info.sealed = extent.sealed;
  info.encrypted = extent.encrypted;
  if (!extent.chunks.empty()) {
    info.first_arrival_ms = extent.chunks.spans().front().first_arrival_ms;
    info.last_arrival_ms = extent.chunks.spans().back().last_arrival_ms;
  }
  info.bytes = extent.live_bytes;
  info.lost_records = extent.lost_records;
  return info;
}

}  // namespace

LaneImpl::LaneImpl(LaneOptions options, Disk& disk, Clock& clock, Executor& executor,
                   RecoveredLane recovered, uint64_t segment_bytes)
    : lane_(std::move(options), disk, clock, executor),
      segments_(
          lane_, segment_bytes,
          {[this] {
             writer_.OnSegmentsChanged();
             CheckClosed();
           },
           [this] { ScheduleMaintenance(); }, [this](const Status& why) { writer_.Fence(why); },
           [this](const SegmentDirectory& directory) { indexes_.Indexed(directory); },
           [this](std::function<void(bool)> done) { writer_.LogBegins(std::move(done)); }}),
      indexes_(lane_, segments_),
      writer_(lane_, segments_, {recovered.log.incarnation + 1, recovered.log.end_lsn},
              [this](const Status& why) { Fenced(why); }),
      reader_(lane_, segments_, indexes_),
      cleaner_(lane_, segments_, indexes_, writer_, reader_) {
  lane_.log_id = recovered.log_id;
  lane_.stats.corrupt_blocks = recovered.log.corrupt_blocks;
  lane_.stats.lost_records = recovered.log.lost_records;
  lane_.metrics.Corrupt(recovered.log.corrupt_blocks, recovered.log.lost_records);
  AdoptSegments(recovered.log, recovered.next_number);
  for (Disk::FileInfo& file : recovered.free_files) {
    segments_.AdoptFree(std::move(file.name), file.size);
  }
  for (ReplayedExtent& extent : recovered.log.extents) AdoptExtent(extent);
  ResumeNewest(recovered.log);
  indexes_.AdoptLoaded();
}

LaneImpl::~LaneImpl() = default;

void LaneImpl::AdoptSegments(ReplayedLog& log, uint64_t next_number) {
  segments_.SetNextNumber(next_number);
  for (const ReplayedSegment& replayed : log.segments) {
    auto segment = std::make_unique<Segment>();
    segment->number = replayed.number;
    segment->size = replayed.size;
    segment->closed = true;
    segment->indexed = replayed.indexed;
    segment->index_bytes = replayed.index_bytes;
    segment->first_lsn = replayed.first_lsn;
    segment->last_lsn = replayed.last_lsn;
    segment->write_offset = replayed.end_offset;
    if (!replayed.indexed && replayed.end_offset == 0) unused_.push_back(replayed.number);
    segments_.Adopt(std::move(segment));
  }
}

// The newest segment goes on being written, unless an index speaks for it, which would not know of
// what is appended from now on. On a full volume its reserve is what makes room.
void LaneImpl::ResumeNewest(const ReplayedLog& log) {
  for (auto it = log.segments.rbegin(); it != log.segments.rend(); ++it) {
    if (it->indexed || it->has_index_file) return;
    if (it->end_offset == 0) continue;
    Segment* segment = segments_.Find(it->number);
    if (!segments_.IsWorthResuming(*segment)) return;
    segment->closed = false;
    segments_.ResumeActive(it->number);
    return;
  }
}

void LaneImpl::AdoptExtent(ReplayedExtent& replayed) {
  auto extent = lane_.extents.Add(replayed.id);
  extent->encrypted = replayed.encrypted;
  extent->wrapped_key = std::move(replayed.wrapped_key);
  extent->logged = true;
  extent->durable = true;
  extent->sealing = extent->logged_sealed = extent->sealed = replayed.sealed;
  extent->begin_index = extent->logged_begin = replayed.begin_index;
  extent->end_index = extent->next_index = replayed.end_index;
  extent->last_arrival_ms = replayed.last_arrival_ms;
  extent->lost_records = replayed.lost_records;
  extent->chunks = std::move(replayed.chunks);
  for (const ChunkSpan& span : extent->chunks.spans()) {
    extent->live_bytes += span.bytes;
    segments_.AddLive(span.segment, span.bytes);
    extent->last_arrival_ms = std::max(extent->last_arrival_ms, span.last_arrival_ms);
  }
  if (extent->encrypted) Unwrap(*extent);
}

void LaneImpl::Unwrap(ExtentState& extent) {
  if (lane_.options.keys == nullptr) return;
  auto key = lane_.options.keys->Unwrap(extent.wrapped_key);
  if (key.ok()) extent.cipher = ChunkCipher::Create(*key);
  if (extent.cipher == nullptr) {
    log::Error("data key of an extent cannot be unwrapped",
               {{"stream", extent.id.stream}, {"shard", extent.id.shard}});
  }
}

void LaneImpl::Start() {
  for (uint64_t number : std::exchange(unused_, {})) {
    segments_.Find(number)->letting_go = true;
    segments_.LetGo(number);
  }
  segments_.Start();
  writer_.Pump();
}

void LaneImpl::ScheduleMaintenance() {
  if (maintenance_scheduled_) return;
  maintenance_scheduled_ = true;
  lane_.executor.Post(lane_.Guard([this] {
    maintenance_scheduled_ = false;
    cleaner_.Poll();
  }));
}

Status LaneImpl::MakeKey(ExtentState& extent) {
  if (lane_.options.keys == nullptr) {
    return InvalidArgument("no master key: encrypted extents cannot be made");
  }
  std::string key = SecureRandomBytes(ChunkCipher::kKeyBytes);
  ASSIGN_OR_RETURN(extent.wrapped_key, lane_.options.keys->WrapFor(extent.id.stream, key));
  extent.cipher = ChunkCipher::Create(key);
  return OkStatus();
}

size_t LaneImpl::TableBytes() const {
  size_t bytes = 0;
  for (const auto& [id, extent] : lane_.extents.all()) {
    bytes += kTableRowBytes + extent->wrapped_key.size();
  }
  return bytes;
}

void LaneImpl::OpenExtent(ExtentId id, bool encrypted, UniqueFunction<void(Status)> done) {
  DCHECK(lane_.executor.OnThisExecutor());
  if (closing_) return done(Unavailable("the log is closed"));
  auto extent = lane_.extents.FindShared(id);
  if (extent != nullptr && extent->durable) return done(OkStatus());
  bool made = extent == nullptr;
  if (made) {
    if ((lane_.extents.size() + 1) * (2 * kTableRowBytes) > writer_.table_bytes_max() &&
        TableBytes() + 2 * kTableRowBytes > writer_.table_bytes_max()) {
      return done(Status(Code::kLimitExceeded, "too many extents for the segments' size"));
    }
    extent = lane_.extents.Add(id);
    extent->encrypted = encrypted;
    if (encrypted) {
      if (Status status = MakeKey(*extent); !status.ok()) {
        lane_.extents.Erase(id);
        return done(status);
      }
    }
  }
  WorkItem item;
  item.kind = EntryKind::kOpen;
  item.extent = extent;
  item.payload = Slice::FromString(extent->wrapped_key);
  item.done = [this, extent, done = std::move(done)](const Status& status) mutable {
    if (status.ok()) {
      extent->durable = true;
    } else if (!extent->durable && lane_.extents.Find(extent->id) == extent.get()) {
      lane_.extents.Erase(extent->id);
    }
    done(status);
  };
  writer_.Submit(std::move(item));
}

void LaneImpl::Seal(ExtentId id, UniqueFunction<void(Result<uint64_t>)> done) {
  DCHECK(lane_.executor.OnThisExecutor());
  if (closing_) return done(Unavailable("the log is closed"));
  auto extent = lane_.extents.FindShared(id);
  if (extent == nullptr) return done(NotFound("no such extent"));
  if (extent->sealed) return done(extent->end_index);
  extent->sealing = true;
  WorkItem item;
  item.kind = EntryKind::kSeal;
  item.extent = extent;
  item.done = [extent, done = std::move(done)](const Status& status) mutable {
    if (!status.ok()) {
      extent->sealing = extent->logged_sealed;
      return done(status);
    }
    extent->sealed = true;
    extent->end_index = extent->next_index;
    done(extent->end_index);
  };
  writer_.Submit(std::move(item));
}

void LaneImpl::Drop(ExtentId id, UniqueFunction<void(Status)> done) {
  DCHECK(lane_.executor.OnThisExecutor());
  if (closing_) return done(Unavailable("the log is closed"));
  // Forgotten here by a drop that never became durable, an extent is not gone.
  if (writer_.fenced()) return done(Status(Code::kFenced, "the log is fenced"));
  auto extent = lane_.extents.FindShared(id);
  if (extent != nullptr) {
    lane_.extents.BeginDrop(extent);
    lane_.cache.Forget(id);
  } else {
    // Dropped already, but maybe not durably so yet.
    extent = lane_.extents.FindDropping(id);
    if (extent == nullptr) return done(OkStatus());
  }
  WorkItem item;
  item.kind = EntryKind::kDrop;
  item.extent = extent;
  item.done = [this, extent, done = std::move(done)](const Status& status) mutable {
    Dropped(extent, status);
    done(status);
  };
  writer_.Submit(std::move(item));
}

void LaneImpl::Dropped(const std::shared_ptr<ExtentState>& extent, const Status& status) {
  if (status.ok()) {
    lane_.extents.EndDrop(extent);
    extent->chunks.Clear(segments_.Dead(*extent));
  } else if (!writer_.fenced() && extent->logged && extent->dropped) {
    lane_.extents.UndoDrop(extent);
  }
}

void LaneImpl::Trim(ExtentId id, WallMs horizon_ms) {
  DCHECK(lane_.executor.OnThisExecutor());
  ExtentState* extent = lane_.extents.Find(id);
  if (extent != nullptr) TrimBefore(*extent, horizon_ms, segments_.Dead(*extent));
}

void LaneImpl::AppendRecords(Append append, UniqueFunction<void(Result<AppendResult>)> done) {
  DCHECK(lane_.executor.OnThisExecutor());
  if (writer_.fenced()) return done(Status(Code::kFenced, "the log is fenced"));
  if (closing_) return done(Unavailable("the log is closed"));
  auto extent = lane_.extents.FindShared(append.extent);
  if (extent == nullptr) return done(NotFound("no such extent"));
  if (extent->sealing) return done(Status(Code::kResourceInUse, "the extent is sealed"));
  if (append.count == 0 || append.records.empty()) {
    return done(InvalidArgument("an append without records"));
  }
  if (append.records.size() > writer_.append_bytes_max()) {
    return done(InvalidArgument("the append is larger than a segment can hold"));
  }
  if (extent->encrypted && extent->cipher == nullptr) {
    return done(Unavailable("the extent's data key cannot be unwrapped"));
  }
  if (writer_.full()) return done(writer_.NoSpace());
  if (writer_.pending_bytes() > 0 &&
      writer_.pending_bytes() + append.records.size() > lane_.options.pending_bytes_max) {
    return done(Status(Code::kThrottled, "too many appends wait to be durable"));
  }
  WorkItem item;
  item.extent = std::move(extent);
  item.payload = std::move(append.records);
  item.count = append.count;
  item.crc = append.crc;
  item.appended = std::move(done);
  writer_.Submit(std::move(item));
}

void LaneImpl::Read(ExtentId id, uint64_t from_index, size_t bytes_max,
                    UniqueFunction<void(Result<ReadResult>)> done) {
  DCHECK(lane_.executor.OnThisExecutor());
  reader_.Read(id, from_index, bytes_max, std::move(done));
}

Result<uint64_t> LaneImpl::IndexAtTime(ExtentId id, WallMs ms) const {
  DCHECK(lane_.executor.OnThisExecutor());
  const ExtentState* extent = lane_.extents.Find(id);
  if (extent == nullptr) return NotFound("no such extent");
  return extent->chunks.empty() ? extent->end_index : extent->chunks.IndexAtTime(ms);
}

std::optional<ExtentInfo> LaneImpl::Info(ExtentId id) const {
  DCHECK(lane_.executor.OnThisExecutor());
  const ExtentState* extent = lane_.extents.Find(id);
  if (extent == nullptr) return std::nullopt;
  return InfoOf(*extent);
}

std::vector<ExtentInfo> LaneImpl::Extents() const {
  DCHECK(lane_.executor.OnThisExecutor());
  std::vector<ExtentInfo> infos;
  infos.reserve(lane_.extents.size());
  for (const auto& [id, extent] : lane_.extents.all()) infos.push_back(InfoOf(*extent));
  std::sort(infos.begin(), infos.end(),
            [](const ExtentInfo& a, const ExtentInfo& b) { return a.id < b.id; });
  return infos;
}

void LaneImpl::SetCommitListener(std::function<void(const ExtentId&, const Chunk&)> on_commit) {
  writer_.SetCommitListener(std::move(on_commit));
}

void LaneImpl::SetFencedListener(std::function<void(const Status&)> on_fenced) {
  on_fenced_ = std::move(on_fenced);
}

void LaneImpl::Fenced(const Status& why) {
  segments_.Stop();
  cleaner_.Stop();
  if (on_fenced_) on_fenced_(why);
  // What failed may have been all that closing waited for.
  CheckClosed();
}

Lane::Stats LaneImpl::stats() const {
  Stats stats = lane_.stats;
  stats.file_bytes = segments_.file_bytes();
  stats.full = writer_.full();
  if (stats.full) stats.full_reason = segments_.shortage();
  return stats;
}

void LaneImpl::Close(UniqueFunction<void()> done) {
  DCHECK(lane_.executor.OnThisExecutor());
  CHECK(!closing_);
  closing_ = true;
  closed_ = std::move(done);
  cleaner_.Stop();
  writer_.Drain(lane_.Guard([this] {
    drained_ = true;
    segments_.Stop();
    CheckClosed();
  }));
}

void LaneImpl::CheckClosed() {
  // A fenced disk may never answer; nothing of the lane waits for it.
  if (!drained_ || !closed_ || (segments_.operations() > 0 && !writer_.fenced())) return;
  lane_.executor.Post(std::exchange(closed_, nullptr));
}

}  // namespace millrace::storage
