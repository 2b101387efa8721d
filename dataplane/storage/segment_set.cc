#include "dataplane/storage/segment_set.h"

#include <algorithm>

#include "common/log/log.h"

namespace millrace::storage {
namespace {

constexpr auto kSpaceRetry = std::chrono::milliseconds(250);
// The next segment is prepared once so much of the active one is taken.
constexpr uint64_t kBegunDivisor = 16;
// A table takes no more of a segment than a quarter.
constexpr uint64_t kTableDivisor = 4;
// Free files kept for recycling; more go back to the volume.
constexpr size_t kFreeFilesMax = 2;

}  // namespace

SegmentSet::SegmentSet(LaneContext& lane, uint64_t segment_bytes, Events events)
    : lane_(lane),
      segment_bytes_(segment_bytes),
      events_(std::move(events)),
      next_bytes_(segment_bytes) {}

SegmentSet::~SegmentSet() { Stop(); }

void SegmentSet::Stop() {
  stopped_ = true;
  if (retry_armed_) lane_.executor.Cancel(retry_timer_);
  retry_armed_ = false;
}

void SegmentSet::Adopt(std::unique_ptr<Segment> segment) {
  file_bytes_ += segment->size + segment->index_bytes;
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

uint64_t SegmentSet::TableBytes() const {
  uint64_t bytes = kDiskAlignment;
  for (const auto& [id, extent] : lane_.extents.all()) {
    bytes += kTableRowBytes + extent->wrapped_key.size();
  }
  return bytes;
}

bool SegmentSet::IsWorthResuming(const Segment& segment) const {
  uint64_t left = segment.size - std::min(segment.size, segment.write_offset);
  return left >= segment.size / kBegunDivisor && left >= 2 * TableBytes();
}

uint64_t SegmentSet::TakeForBlock(size_t bytes) {
  CHECK(active_ != nullptr && active_->write_offset + bytes <= active_->size);
  uint64_t offset = active_->write_offset;
  active_->write_offset += bytes;
  ++active_->blocks_unacknowledged;
  Prepare();
  return offset;
}

void SegmentSet::NeedNext() {
  next_needed_ = true;
  Prepare();
}

bool SegmentSet::WantsNext() const {
  return next_needed_ || active_ == nullptr ||
         active_->write_offset >= active_->size / kBegunDivisor;
}

void SegmentSet::Prepare() {
  if (stopped_ || preparing_ || next_ != nullptr || !WantsNext()) return;
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
  Create();
}

void SegmentSet::Create() {
  uint64_t size = next_bytes_;
  if (file_bytes_ + size > lane_.options.bytes_max) return NoRoomFor(size);
  uint64_t number = next_number_++;
  preparing_ = true;
  ++operations_;
  lane_.disk.Create(SegmentFileName(number), size,
                    lane_.Guard([this, number, size](const Status& status) {
                      Prepared(number, size, false, status);
                    }));
}

uint64_t SegmentSet::SmallerThan(uint64_t size) const {
  uint64_t least = std::max(lane_.options.segment_bytes_min, kTableDivisor * TableBytes());
  uint64_t smaller = RoundUpToDisk(std::max(size / 2, least));
  return smaller < size ? smaller : 0;
}

void SegmentSet::NoRoomFor(uint64_t size) {
  uint64_t smaller = SmallerThan(size);
  if (smaller == 0) return OutOfSpace();
  next_bytes_ = smaller;
  Create();
}

std::string SegmentSet::DescribeShortage() const {
  auto text = [](uint64_t bytes) {
    return bytes < 10 * kMiB ? std::to_string(bytes / kKiB) + " KiB"
                             : std::to_string(bytes / kMiB) + " MiB";
  };
  if (file_bytes_ + next_bytes_ > lane_.options.bytes_max) {
    return "the lane has " + text(file_bytes_) + " of the " + text(lane_.options.bytes_max) +
           " it may have and needs " + text(next_bytes_) + " for its next segment";
  }
  return "the volume has " + text(lane_.disk.FreeBytes()) + " free and the lane needs " +
         text(next_bytes_) + " for its next segment";
}

void SegmentSet::Prepared(uint64_t number, uint64_t size, bool recycled, const Status& status) {
  --operations_;
  preparing_ = false;
  if (!status.ok()) {
    if (status.code() == Code::kNoSpace && !recycled) {
      if (stopped_) return events_.changed();
      NoRoomFor(size);
    } else {
      events_.failed(status.WithContext("preparing a segment"));
    }
    return;
  }
  if (!recycled) file_bytes_ += size;
  next_ = std::make_unique<Segment>();
  next_->number = number;
  next_->size = size;
  next_bytes_ = segment_bytes_;
  next_needed_ = false;
  out_of_space_ = false;
  shortage_.clear();
  IndexClosed();
  events_.changed();
}

void SegmentSet::OutOfSpace() {
  bool news = !out_of_space_;
  out_of_space_ = true;
  shortage_ = DescribeShortage();
  // Dead segments are let go sooner when space is short.
  events_.may_reclaim();
  if (!retry_armed_ && !stopped_) {
    retry_armed_ = true;
    retry_timer_ = lane_.executor.RunAfter(kSpaceRetry, lane_.Guard([this] {
      retry_armed_ = false;
      Prepare();
    }));
  }
  if (news) {
    log::Warning("log is out of space", {{"file_bytes", file_bytes_}, {"reason", shortage_}});
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

void SegmentSet::BlockAcknowledged(Segment& segment, Lsn lsn, Lsn watermark) {
  CHECK(segment.blocks_unacknowledged > 0);
  --segment.blocks_unacknowledged;
  if (segment.first_lsn == 0) segment.first_lsn = lsn;
  segment.last_lsn = lsn;
  bool waited = WaitsForWatermark();
  watermark_ = std::max(watermark_, watermark);
  if (segment.closed && segment.blocks_unacknowledged == 0) {
    WriteIndex(segment);
    events_.may_reclaim();
  }
  if (waited && !WaitsForWatermark()) events_.may_reclaim();
}

bool SegmentSet::WaitsForWatermark() const {
  // Later segments have later blocks.
  for (auto it = segments_.rbegin(); it != segments_.rend(); ++it) {
    if (it->second->closed) return it->second->last_lsn > watermark_;
  }
  return false;
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
  // What it takes is kept for what makes room.
  if (segment.last_lsn == 0 || out_of_space_) return;
  segment.indexing = true;
  Pin(segment);
  ++operations_;
  SegmentDirectory directory;
  directory.segment = segment.number;
  directory.log_id = lane_.log_id;
  directory.first_lsn = segment.first_lsn;
  directory.last_lsn = segment.last_lsn;
  Slice bytes = Slice::FromString(EncodeSegmentIndex(Runs(segment.number), &directory));
  // The index does not list what was trimmed by now: without a word of that it would be missed.
  events_.log_begins([this, directory = std::move(directory), bytes](bool logged) {
    if (!logged) return IndexWritten(directory, 0, Unavailable("its trims are not logged"));
    lane_.disk.WriteFile(IndexFileName(directory.segment), bytes,
                         lane_.Guard([this, directory, size = bytes.size()](const Status& status) {
                           IndexWritten(directory, size, status);
                         }));
  });
}

void SegmentSet::IndexWritten(const SegmentDirectory& directory, uint64_t bytes,
                              const Status& status) {
  --operations_;
  Segment* segment = Find(directory.segment);
  segment->indexing = false;
  if (status.ok()) {
    segment->indexed = true;
    file_bytes_ += bytes - segment->index_bytes;
    segment->index_bytes = bytes;
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
    // Recovery would take its blocks for the end of the log, and what follows for torn.
    if (segment->last_lsn > watermark_) continue;
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
  uint64_t index_bytes = segment->index_bytes;
  segments_.erase(number);
  ++operations_;
  auto rename = [this, number, size, index_bytes](const Status& status) {
    IndexRemoved(number, index_bytes, status);
    lane_.disk.Rename(
        SegmentFileName(number), FreeFileName(number),
        lane_.Guard([this, number, size](const Status& renamed) { Freed(number, size, renamed); }));
  };
  if (index_bytes > 0) {
    lane_.disk.Remove(IndexFileName(number), lane_.Guard(std::move(rename)));
  } else {
    rename(OkStatus());
  }
}

void SegmentSet::IndexRemoved(uint64_t number, uint64_t bytes, const Status& status) {
  if (status.ok()) {
    file_bytes_ -= bytes;
  } else {
    // Without its index it would only be read again by a recovery, so that is no reason to keep it.
    log::Warning("segment index not removed", {{"segment", number}, {"error", status.ToString()}});
  }
}

void SegmentSet::Freed(uint64_t number, uint64_t size, const Status& status) {
  --operations_;
  if (!status.ok()) {
    events_.failed(status.WithContext("freeing a segment"));
    return;
  }
  // What this lane has no use for soon is others' where the volume is nearly full.
  bool spare = next_ != nullptr || !WantsNext();
  bool short_of_room = spare && lane_.disk.FreeBytes() < 2 * segment_bytes_;
  if (free_.size() >= kFreeFilesMax || size != segment_bytes_ || short_of_room) {
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
