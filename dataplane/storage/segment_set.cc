#include "dataplane/storage/segment_set.h"

#include "common/log/log.h"

namespace millrace::storage {
namespace {

constexpr auto kSpaceRetry = std::chrono::milliseconds(500);
// Free files kept for recycling; more go back to the volume.
constexpr size_t kFreeFilesMax = 2;

}  // namespace

SegmentSet::SegmentSet(LaneContext& lane, uint64_t segment_bytes, Events events)
    : lane_(lane), segment_bytes_(segment_bytes), events_(std::move(events)) {}

SegmentSet::~SegmentSet() { Stop(); }

void SegmentSet::Stop() {
  stopped_ = true;
  if (retry_armed_) lane_.executor.Cancel(retry_timer_);
  retry_armed_ = false;
}

void SegmentSet::Adopt(std::unique_ptr<Segment> segment) {
  file_bytes_ += segment->size;
  uint64_t number = segment->number;
  CHECK(segments_.emplace(number, std::move(segment)).second);
}

void SegmentSet::AdoptFree(std::string name, uint64_t size) {
  file_bytes_ += size;
  free_.push_back({std::move(name), size});
}

void SegmentSet::ResumeActive(uint64_t number) {
  active_ = Find(number);
  CHECK(active_ != nullptr && !active_->closed);
}

void SegmentSet::Start() {
  while (free_.size() > kFreeFilesMax) {
    FreeFile file = std::move(free_.back());
    free_.pop_back();
    Remove(file.name, file.size);
  }
  events_.may_reclaim();
  IndexClosed();
  Prepare();
}

void SegmentSet::Prepare() {
  if (stopped_ || preparing_ || next_ != nullptr) return;
  while (!free_.empty() && free_.front().size != segment_bytes_) {
    FreeFile file = std::move(free_.front());
    free_.pop_front();
    Remove(file.name, file.size);
  }
  uint64_t number = next_number_;
  if (!free_.empty()) {
    FreeFile file = std::move(free_.front());
    free_.pop_front();
    ++next_number_;
    preparing_ = true;
    ++operations_;
    lane_.disk.Rename(file.name, SegmentFileName(number),
                      lane_.Guard([this, number](const Status& status) {
                        Prepared(number, segment_bytes_, true, status);
                      }));
    return;
  }
  if (file_bytes_ + segment_bytes_ > lane_.options.bytes_max) {
    OutOfSpace();
    return;
  }
  ++next_number_;
  preparing_ = true;
  ++operations_;
  lane_.disk.Create(SegmentFileName(number), segment_bytes_,
                    lane_.Guard([this, number](const Status& status) {
                      Prepared(number, segment_bytes_, false, status);
                    }));
}

void SegmentSet::Prepared(uint64_t number, uint64_t size, bool recycled, const Status& status) {
  --operations_;
  preparing_ = false;
  if (!status.ok()) {
    if (status.code() == Code::kNoSpace && !recycled) {
      OutOfSpace();
    } else {
      events_.failed(status.WithContext("preparing a segment"));
    }
    return;
  }
  if (!recycled) file_bytes_ += size;
  next_ = std::make_unique<Segment>();
  next_->number = number;
  next_->size = size;
  out_of_space_ = false;
  events_.changed();
}

void SegmentSet::OutOfSpace() {
  bool news = !out_of_space_;
  out_of_space_ = true;
  // Dead segments are let go sooner when space is short.
  events_.may_reclaim();
  if (!retry_armed_ && !stopped_) {
    retry_armed_ = true;
    retry_timer_ = lane_.executor.RunAfter(kSpaceRetry, lane_.Guard([this] {
      retry_armed_ = false;
      IndexClosed();
      Prepare();
    }));
  }
  if (news) {
    log::Warning("log is out of space", {{"file_bytes", file_bytes_}});
  }
  events_.changed();
}

void SegmentSet::Advance() {
  CHECK(next_ != nullptr);
  Segment* old = active_;
  active_ = next_.get();
  segments_.emplace(active_->number, std::move(next_));
  if (old != nullptr) {
    old->closed = true;
    if (old->blocks_unacknowledged == 0) WriteIndex(*old);
    events_.may_reclaim();
  }
  Prepare();
}

Segment* SegmentSet::Find(uint64_t number) {
  auto it = segments_.find(number);
  return it == segments_.end() ? nullptr : it->second.get();
}

void SegmentSet::BlockAcknowledged(Segment& segment, Lsn lsn) {
  CHECK(segment.blocks_unacknowledged > 0);
  --segment.blocks_unacknowledged;
  if (segment.first_lsn == 0) segment.first_lsn = lsn;
  segment.last_lsn = lsn;
  if (segment.closed && segment.blocks_unacknowledged == 0) {
    WriteIndex(segment);
    events_.may_reclaim();
  }
}

void SegmentSet::AddLive(uint32_t segment, uint64_t bytes) {
  Segment* found = Find(segment);
  CHECK(found != nullptr);
  found->live_bytes += bytes;
  lane_.stats.live_bytes += bytes;
}

void SegmentSet::SubLive(uint32_t segment, uint64_t bytes) {
  Segment* found = Find(segment);
  CHECK(found != nullptr && found->live_bytes >= bytes);
  found->live_bytes -= bytes;
  lane_.stats.live_bytes -= bytes;
  events_.may_reclaim();
}

void SegmentSet::Unpin(Segment& segment) {
  CHECK(segment.pins > 0);
  if (--segment.pins == 0) events_.may_reclaim();
}

void SegmentSet::TableDurable(Segment& segment) {
  segment.table_durable = true;
  events_.may_reclaim();
}

ExtentIndex::OnDead SegmentSet::Dead(ExtentState& extent) {
  return [this, &extent](uint32_t segment, uint64_t bytes) {
    extent.live_bytes -= bytes;
    // Where all of it was lost the segment may be gone already.
    if (bytes > 0) SubLive(segment, bytes);
  };
}

void SegmentSet::IndexClosed() {
  for (auto& [number, segment] : segments_) {
    if (segment->closed && segment->blocks_unacknowledged == 0) WriteIndex(*segment);
  }
}

std::vector<IndexRun> SegmentSet::Runs(uint64_t segment) const {
  std::vector<IndexRun> runs;
  for (const ExtentTable::Ptr& extent : lane_.extents.OnDisk()) {
    for (const ChunkSpan& span : extent->chunks.spans()) {
      if (span.segment != static_cast<uint32_t>(segment) || !span.loaded()) continue;
      IndexRun run{extent->id, {}};
      for (const ChunkRef& chunk : *span.chunks) {
        bool follows = run.chunks.empty() || run.chunks.back().end_index() == chunk.first_index;
        if (!follows || chunk.lost) {
          if (!run.chunks.empty()) runs.push_back(std::exchange(run, {extent->id, {}}));
        }
        if (!chunk.lost) run.chunks.push_back(chunk);
      }
      if (!run.chunks.empty()) runs.push_back(std::move(run));
    }
  }
  return runs;
}

void SegmentSet::WriteIndex(Segment& segment) {
  if (stopped_ || segment.indexed || segment.indexing || segment.letting_go) return;
  if (segment.last_lsn == 0) return;
  segment.indexing = true;
  Pin(segment);
  ++operations_;
  SegmentDirectory directory;
  directory.segment = segment.number;
  directory.log_id = lane_.log_id;
  directory.first_lsn = segment.first_lsn;
  directory.last_lsn = segment.last_lsn;
  Slice bytes = Slice::FromString(EncodeSegmentIndex(Runs(segment.number), &directory));
  lane_.disk.WriteFile(IndexFileName(segment.number), bytes,
                       lane_.Guard([this, directory = std::move(directory)](const Status& status) {
                         IndexWritten(directory, status);
                       }));
}

void SegmentSet::IndexWritten(const SegmentDirectory& directory, const Status& status) {
  --operations_;
  Segment* segment = Find(directory.segment);
  segment->indexing = false;
  if (status.ok()) {
    segment->indexed = true;
    events_.indexed(directory);
  } else {
    // Recovery can do without; it reads the segment instead.
    log::Warning("segment index not written",
                 {{"segment", directory.segment}, {"error", status.ToString()}});
  }
  Unpin(*segment);
  events_.changed();
}

void SegmentSet::IndexAgain(Segment& segment) {
  segment.indexed = false;
  if (segment.closed) WriteIndex(segment);
}

std::vector<uint64_t> SegmentSet::DeadSegments() const {
  std::vector<uint64_t> dead;
  if (active_ == nullptr || !active_->table_durable) return dead;
  uint64_t previous = 0;
  for (const auto& [number, segment] : segments_) {
    if (segment.get() != active_) previous = number;
  }
  for (const auto& [number, segment] : segments_) {
    if (segment.get() == active_ || !segment->closed || segment->letting_go) continue;
    if (segment->live_bytes > 0 || segment->pins > 0 || segment->blocks_unacknowledged > 0)
      continue;
    // Its table stands in for the active segment's, should that one be corrupted.
    if (number == previous && !out_of_space_) continue;
    dead.push_back(number);
  }
  return dead;
}

void SegmentSet::LetGo(uint64_t number) {
  Segment* segment = Find(number);
  CHECK(segment != nullptr && segment->letting_go && segment->live_bytes == 0);
  uint64_t size = segment->size;
  bool indexed = segment->indexed;
  segments_.erase(number);
  ++operations_;
  auto rename = [this, number, size](const Status& status) {
    // Without its index it would only be read again by a recovery, so that is no reason to keep it.
    if (!status.ok()) {
      log::Warning("segment index not removed",
                   {{"segment", number}, {"error", status.ToString()}});
    }
    lane_.disk.Rename(
        SegmentFileName(number), FreeFileName(number),
        lane_.Guard([this, number, size](const Status& renamed) { Freed(number, size, renamed); }));
  };
  if (indexed) {
    lane_.disk.Remove(IndexFileName(number), lane_.Guard(std::move(rename)));
  } else {
    rename(OkStatus());
  }
}

void SegmentSet::Freed(uint64_t number, uint64_t size, const Status& status) {
  --operations_;
  if (!status.ok()) {
    events_.failed(status.WithContext("freeing a segment"));
    return;
  }
  if (free_.size() >= kFreeFilesMax || size != segment_bytes_) {
    Remove(FreeFileName(number), size);
  } else {
    free_.push_back({FreeFileName(number), size});
  }
  if (!stopped_) Prepare();
  events_.changed();
}

void SegmentSet::Remove(const std::string& name, uint64_t size) {
  ++operations_;
  lane_.disk.Remove(name, lane_.Guard([this, name, size](const Status& status) {
    --operations_;
    if (status.ok()) {
      file_bytes_ -= size;
    } else {
      log::Warning("file not removed", {{"name", name}, {"error", status.ToString()}});
    }
    if (!stopped_) Prepare();
    events_.changed();
  }));
}

}  // namespace millrace::storage
