#include "dataplane/storage/index_loader.h"

#include <algorithm>
#include <tuple>

#include "common/log/log.h"
#include "dataplane/storage/log_end.h"

namespace millrace::storage {

void IndexLoader::Indexed(const SegmentDirectory& directory) {
  for (const IndexRow& row : directory.rows) {
    auto extent = lane_.extents.FindShared(row.extent);
    if (extent == nullptr) continue;
    ChunkSpan span;
    span.first_index = row.first_index;
    span.end_index = row.end_index;
    span.segment = static_cast<uint32_t>(directory.segment);
    extent->chunks.SetGroup(
        {span.segment, row.first_index, row.end_index, row.offset, row.chunks, row.crc});
    Track(extent, span, row.chunks * sizeof(ChunkRef));
  }
}

void IndexLoader::AdoptLoaded() {
  std::vector<std::pair<ExtentTable::Ptr, const ChunkSpan*>> spans;
  for (const auto& [id, extent] : lane_.extents.all()) {
    for (const ChunkSpan& span : extent->chunks.spans()) {
      if (span.loaded() && span.group_chunks > 0) spans.emplace_back(extent, &span);
    }
  }
  std::sort(spans.begin(), spans.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second->segment, a.first->id, a.second->first_index) <
           std::tie(b.second->segment, b.first->id, b.second->first_index);
  });
  for (const auto& [extent, span] : spans) {
    Track(extent, *span, span->chunks->capacity() * sizeof(ChunkRef));
  }
}

void IndexLoader::Track(const std::shared_ptr<ExtentState>& extent, const ChunkSpan& span,
                        size_t bytes) {
  Loaded loaded{extent, span.segment, span.first_index, span.end_index, bytes};
  loaded_bytes_ += bytes;
  if (span.segment == static_cast<uint32_t>(kept_segment_)) {
    kept_.push_back(std::move(loaded));
  } else {
    loaded_.push_back(std::move(loaded));
  }
  Evict();
}

void IndexLoader::Evict() {
  // Never the newest: it was loaded to be used now.
  while (loaded_bytes_ > lane_.options.index_cache_bytes && loaded_.size() > 1) {
    Loaded oldest = std::move(loaded_.front());
    loaded_.pop_front();
    // Listed once more when it is released.
    if (oldest.segment == static_cast<uint32_t>(kept_segment_)) {
      kept_.push_back(std::move(oldest));
      continue;
    }
    loaded_bytes_ -= oldest.bytes;
    if (auto extent = oldest.extent.lock()) {
      extent->chunks.Unload(oldest.segment, oldest.first_index, oldest.end_index);
    }
  }
}

IndexLoader::Wanted IndexLoader::WantedOf(const std::shared_ptr<ExtentState>& extent,
                                          const ChunkSpan& span) {
  CHECK(!span.loaded() && span.group_chunks > 0);
  return {extent,         span.segment,      span.first_index,
          span.end_index, span.group_offset, span.group_chunks * kIndexChunkBytes,
          span.group_crc, span.encrypted};
}

void IndexLoader::Load(const std::shared_ptr<ExtentState>& extent, const ChunkSpan& span,
                       Done done) {
  Read({WantedOf(extent, span)}, std::move(done));
}

void IndexLoader::LoadSegment(uint64_t segment, Done done) {
  kept_segment_ = segment;
  std::vector<Wanted> wanted;
  for (const auto& [id, extent] : lane_.extents.all()) {
    for (const ChunkSpan& span : extent->chunks.spans()) {
      if (span.segment != static_cast<uint32_t>(segment) || span.loaded()) continue;
      wanted.push_back(WantedOf(extent, span));
    }
  }
  if (wanted.empty()) return done(OkStatus());
  Read(std::move(wanted), std::move(done));
}

void IndexLoader::Release(uint64_t segment) {
  CHECK(kept_segment_ == segment);
  kept_segment_ = 0;
  std::move(kept_.begin(), kept_.end(), std::back_inserter(loaded_));
  kept_.clear();
  Evict();
}

void IndexLoader::Read(std::vector<Wanted> wanted, Done done) {
  uint64_t number = wanted.front().segment;
  Segment* segment = segments_.Find(number);
  CHECK(segment != nullptr);
  segments_.Pin(*segment);
  uint64_t begin = UINT64_MAX;
  uint64_t end = 0;
  for (const Wanted& w : wanted) {
    begin = std::min(begin, w.group_offset);
    end = std::max(end, w.group_offset + w.group_bytes);
  }
  lane_.disk.Read(IndexFileName(number), begin, end - begin,
                  lane_.Guard([this, begin, wanted = std::move(wanted),
                               done = std::move(done)](const Result<Slice>& data) mutable {
                    Arrived(wanted, begin, data, std::move(done));
                  }));
}

void IndexLoader::Arrived(const std::vector<Wanted>& wanted, uint64_t offset,
                          const Result<Slice>& data, Done done) {
  uint64_t number = wanted.front().segment;
  Segment* segment = segments_.Find(number);
  CHECK(segment != nullptr);
  Status status = data.status();
  for (const Wanted& w : wanted) {
    if (!status.ok()) break;
    uint64_t at = w.group_offset - offset;
    bool there = at + w.group_bytes <= data->size();
    status = Attach(w, there ? data->view().substr(at, w.group_bytes) : std::string_view());
  }
  segments_.Unpin(*segment);
  if (status.code() != Code::kCorrupt) return done(status);
  log::Warning("segment index is damaged", {{"segment", number}});
  LoadByScan(number, std::move(done));
}

Status IndexLoader::Attach(const Wanted& wanted, std::string_view group) {
  ASSIGN_OR_RETURN(std::vector<ChunkRef> chunks,
                   ParseRun(group, wanted.segment, wanted.encrypted, wanted.group_crc));
  if (chunks.empty()) return Corrupt("a group of the segment's index is missing");
  ExtentState& extent = *wanted.extent;
  size_t bytes =
      extent.chunks.Load(wanted.segment, wanted.group_offset, chunks, segments_.Dead(extent));
  if (!extent.chunks.IsListed(wanted.segment, wanted.first_index)) {
    return Corrupt("a group of the segment's index is not what its directory says");
  }
  if (bytes == 0) return OkStatus();
  ChunkSpan range;
  range.segment = wanted.segment;
  range.first_index = wanted.first_index;
  range.end_index = wanted.end_index;
  Track(wanted.extent, range, bytes);
  TrimBefore(extent, extent.horizon_ms, segments_.Dead(extent));
  return OkStatus();
}

void IndexLoader::LoadByScan(uint64_t number, Done done) {
  Segment* segment = segments_.Find(number);
  CHECK(segment != nullptr);
  segments_.Pin(*segment);
  ReadSegment(lane_.disk, number, segment->size, lane_.log_id,
              lane_.Guard([this, number,
                           done = std::move(done)](const Result<ScannedSegment>& scanned) mutable {
                Segment* from = segments_.Find(number);
                CHECK(from != nullptr);
                if (scanned.ok()) Scanned(*from, scanned->blocks);
                segments_.Unpin(*from);
                done(scanned.ok() ? OkStatus() : scanned.status());
              }));
}

void IndexLoader::Scanned(Segment& segment, const std::vector<ScannedBlock>& blocks) {
  FoundSegment found;
  found.number = segment.number;
  found.blocks = blocks;
  LogEnd end = FindLogEnd({found});
  // All of it was acknowledged, as far as its own blocks may be from saying so.
  end.end_lsn = std::max(end.end_lsn, segment.last_lsn);
  std::map<ExtentId, std::vector<ChunkRef>> chunks;
  for (const ScannedBlock& block : blocks) {
    if (block.header.lsn > segment.last_lsn || !end.Keeps(block.header.lsn)) continue;
    for (const ScannedEntry& entry : block.entries) {
      if (entry.entry.kind != EntryKind::kRecords || entry.damaged) continue;
      chunks[entry.entry.extent].push_back(RefOf(entry.entry, segment.number));
    }
  }
  for (const ExtentTable::Ptr& extent : lane_.extents.OnDisk()) {
    std::vector<ChunkRef>& list = chunks[extent->id];
    std::sort(list.begin(), list.end(),
              [](const ChunkRef& a, const ChunkRef& b) { return a.first_index < b.first_index; });
    uint64_t missing = extent->chunks.LoadAll(static_cast<uint32_t>(segment.number), list,
                                              segments_.Dead(*extent));
    if (missing == 0) continue;
    extent->lost_records += missing;
    lane_.stats.lost_records += missing;
    ++lane_.stats.corrupt_blocks;
    lane_.metrics.Corrupt(1, missing);
  }
  segments_.IndexAgain(segment);
}

}  // namespace millrace::storage
