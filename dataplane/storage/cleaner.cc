#include "dataplane/storage/cleaner.h"

#include <algorithm>

#include "common/codec/crc32.h"

namespace millrace::storage {
namespace {

constexpr uint64_t kBatchBytes = 1 * kMiB;
// Young segments empty by themselves as their records expire.
constexpr size_t kYoungSegments = 2;
constexpr auto kRest = std::chrono::seconds(1);

}  // namespace

Cleaner::~Cleaner() {
  if (resting_) lane_.executor.Cancel(rest_timer_);
}

void Cleaner::Poll() {
  if (stopped_ || writer_.fenced()) return;
  Reclaim();
  Clean();
}

void Cleaner::Reclaim() {
  if (!dying_.empty()) return;
  dying_ = segments_.DeadSegments();
  if (dying_.empty()) return;
  for (uint64_t number : dying_) segments_.Find(number)->letting_go = true;
  // A recovery that finds the chunks of a dead segment gone must know that they were let go.
  writer_.LogBegins([this](bool logged) { LetGo(logged); });
}

void Cleaner::LetGo(bool logged) {
  for (uint64_t number : std::exchange(dying_, {})) {
    if (logged) {
      segments_.LetGo(number);
    } else {
      segments_.Find(number)->letting_go = false;
    }
  }
}

Segment* Cleaner::Candidate() const {
  std::vector<Segment*> closed;
  for (const auto& [number, segment] : segments_.all()) {
    if (segment->closed && !segment->letting_go) closed.push_back(segment.get());
  }
  if (closed.size() > kYoungSegments)
    closed.resize(closed.size() - kYoungSegments);
  else
    closed.clear();
  Segment* best = nullptr;
  double best_fraction = lane_.options.clean_below_live_fraction;
  for (Segment* segment : closed) {
    if (segment->live_bytes == 0 || segment->blocks_unacknowledged > 0) continue;
    double fraction = static_cast<double>(segment->live_bytes) / static_cast<double>(segment->size);
    if (fraction >= best_fraction) continue;
    best = segment;
    best_fraction = fraction;
  }
  return best;
}

void Cleaner::Clean() {
  if (cleaning_ != 0 || resting_) return;
  Segment* segment = Candidate();
  if (segment == nullptr) return;
  // What does not fit would only use the reserve up and free nothing.
  if (segments_.out_of_space() && segment->live_bytes > writer_.move_allowance()) return;
  cleaning_ = segment->number;
  segments_.Pin(*segment);
  live_.clear();
  next_ = 0;
  moved_ = 0;
  move_failed_ = false;
  indexes_.LoadSegment(cleaning_, [this](const Status& status) {
    if (!status.ok()) return EndClean();
    Collect();
  });
}

void Cleaner::Collect() {
  for (const auto& [id, extent] : lane_.extents.all()) {
    for (const ChunkSpan& span : extent->chunks.spans()) {
      if (span.segment != static_cast<uint32_t>(cleaning_) || !span.loaded()) continue;
      for (const ChunkRef& ref : *span.chunks) {
        if (!ref.lost) live_.push_back({extent, ref});
      }
    }
  }
  std::sort(live_.begin(), live_.end(),
            [](const LiveChunk& a, const LiveChunk& b) { return a.ref.offset < b.ref.offset; });
  CleanBatch();
}

void Cleaner::CleanBatch() {
  if (next_ == live_.size() || move_failed_ || stopped_ || writer_.fenced()) return EndClean();
  uint64_t begin = live_[next_].ref.offset;
  uint64_t bytes = 0;
  size_t end = next_;
  for (; end < live_.size(); ++end) {
    uint64_t with = live_[end].ref.offset + live_[end].ref.bytes - begin;
    if (end > next_ && with > kBatchBytes) break;
    bytes = with;
  }
  lane_.disk.Read(
      SegmentFileName(cleaning_), begin, bytes,
      lane_.Guard([this, end, begin](const Result<Slice>& data) { Rewrite(end, begin, data); }));
}

void Cleaner::Rewrite(size_t end, uint64_t begin_offset, const Result<Slice>& data) {
  if (!data.ok()) {
    move_failed_ = true;
    return EndClean();
  }
  // Held until all of the batch is submitted, so that it does not end in between.
  moves_outstanding_ = 1;
  for (; next_ < end; ++next_) {
    LiveChunk& chunk = live_[next_];
    uint64_t at = chunk.ref.offset - begin_offset;
    Slice bytes;
    if (at + chunk.ref.bytes <= data->size()) bytes = data->Sub(at, chunk.ref.bytes);
    if (bytes.size() != chunk.ref.bytes ||
        codec::Crc32c(bytes.data(), bytes.size()) != chunk.ref.crc) {
      if (!chunk.extent->dropped) reader_.Quarantine(*chunk.extent, chunk.ref);
      continue;
    }
    WorkItem item;
    item.move = true;
    item.extent = chunk.extent;
    item.from = chunk.ref;
    item.payload = std::move(bytes);
    item.done = [this](const Status& status) { MoveDone(status); };
    ++moves_outstanding_;
    writer_.Submit(std::move(item));
  }
  if (--moves_outstanding_ == 0) CleanBatch();
}

void Cleaner::MoveDone(const Status& status) {
  if (status.ok()) {
    ++moved_;
  } else {
    move_failed_ = true;
  }
  if (--moves_outstanding_ == 0) CleanBatch();
}

void Cleaner::EndClean() {
  Segment* segment = segments_.Find(cleaning_);
  CHECK(segment != nullptr);
  indexes_.Release(cleaning_);
  cleaning_ = 0;
  live_.clear();
  segments_.Unpin(*segment);
  if (moved_ > 0 || stopped_) return;
  // Nothing could be done (a full disk, a read error, extents that are being dropped): looking
  // again at once would only find the same.
  resting_ = true;
  rest_timer_ = lane_.executor.RunAfter(kRest, lane_.Guard([this] {
    resting_ = false;
    Poll();
  }));
}

}  // namespace millrace::storage
