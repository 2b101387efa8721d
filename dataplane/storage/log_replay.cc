#include "dataplane/storage/log_replay.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "dataplane/storage/extent_table.h"
#include "dataplane/storage/log_end.h"

namespace millrace::storage {
namespace {

// One entry of a kept block, with what it needs to be replayed.
struct LogEntry {
  Lsn lsn = 0;
  size_t position = 0;  // among the entries of its block
  uint64_t segment = 0;
  const ScannedEntry* scanned = nullptr;
};

std::vector<LogEntry> KeptEntries(const std::vector<FoundSegment>& segments, const LogEnd& end) {
  std::vector<LogEntry> entries;
  for (const FoundSegment& segment : segments) {
    for (const ScannedBlock& block : segment.blocks) {
      if (!end.Keeps(block.header.lsn)) continue;
      for (size_t i = 0; i < block.entries.size(); ++i) {
        entries.push_back({block.header.lsn, i, segment.number, &block.entries[i]});
      }
    }
  }
  std::sort(entries.begin(), entries.end(), [](const LogEntry& a, const LogEntry& b) {
    return a.lsn != b.lsn ? a.lsn < b.lsn : a.position < b.position;
  });
  return entries;
}

struct FoundTable {
  Lsn lsn = 0;  // of its first part
  std::vector<TableRow> rows;
};

// The parts of a table lie in consecutive blocks, one each.
std::optional<FoundTable> NewestTable(const std::vector<LogEntry>& entries) {
  std::optional<FoundTable> newest;
  FoundTable building;
  uint64_t next_part = 0;
  Lsn last_lsn = 0;
  for (const LogEntry& entry : entries) {
    const BlockEntry& e = entry.scanned->entry;
    if (e.kind != EntryKind::kTable) continue;
    if (e.first_index == 0) {
      building = {entry.lsn, {}};
      next_part = 0;
    } else if (entry.lsn != last_lsn + 1) {
      next_part = UINT64_MAX;
    }
    if (entry.scanned->damaged || e.first_index != next_part) {
      next_part = UINT64_MAX;
      continue;
    }
    auto rows = ParseTableRows(entry.scanned->payload);
    if (!rows.ok()) {
      next_part = UINT64_MAX;
      continue;
    }
    building.rows.insert(building.rows.end(), rows->begin(), rows->end());
    last_lsn = entry.lsn;
    if (++next_part == e.count) newest = building;
  }
  return newest;
}

// Rebuilds the extents: the table, then what came after it, then the chunks.
class Replay {
 public:
  explicit Replay(const std::optional<FoundTable>& table) {
    if (!table) return;
    table_lsn_ = table->lsn;
    for (const TableRow& row : table->rows) {
      Extent& extent = extents_[row.id];
      extent.out.id = row.id;
      extent.out.sealed = row.sealed;
      extent.out.encrypted = row.encrypted;
      extent.out.wrapped_key = row.wrapped_key;
      extent.out.begin_index = row.begin_index;
      extent.out.end_index = row.end_index;
      extent.out.last_arrival_ms = row.last_arrival_ms;
      extent.table_end = row.end_index;
    }
  }

  void Control(const LogEntry& entry) {
    const BlockEntry& e = entry.scanned->entry;
    if (entry.lsn < table_lsn_ || e.kind == EntryKind::kTable) return;
    if (e.kind == EntryKind::kDrop) {
      extents_.erase(e.extent);
      return;
    }
    // An extent whose open entry was corrupted is known by what follows it.
    auto [it, made] = extents_.try_emplace(e.extent);
    Extent& extent = it->second;
    if (made) {
      extent.out.id = e.extent;
      extent.open_lsn = entry.lsn;
      extent.out.encrypted = (e.flags & kEntryEncrypted) != 0;
      if (e.kind == EntryKind::kRecords) extent.out.begin_index = e.first_index;
    }
    switch (e.kind) {
      case EntryKind::kOpen:
        if (made && !entry.scanned->damaged) extent.out.wrapped_key = entry.scanned->payload;
        break;
      case EntryKind::kSeal:
        extent.out.sealed = true;
        extent.out.end_index = std::max(extent.out.end_index, e.first_index);
        break;
      case EntryKind::kTrim:
        extent.out.begin_index = std::max(extent.out.begin_index, e.first_index);
        break;
      case EntryKind::kRecords:
        extent.out.end_index = std::max(extent.out.end_index, e.first_index + e.count);
        extent.out.last_arrival_ms = std::max(extent.out.last_arrival_ms, e.arrival_ms);
        break;
      case EntryKind::kDrop:
      case EntryKind::kTable:
        break;
    }
  }

  void Chunk(uint64_t segment, const IndexedChunk& chunk) {
    const BlockEntry& e = chunk.entry;
    auto it = extents_.find(e.extent);
    if (it == extents_.end() || chunk.lsn < it->second.open_lsn) return;
    Extent& extent = it->second;
    uint64_t end = e.first_index + e.count;
    if (end <= extent.out.begin_index) return;
    // Written before the table but past what it says: of an incarnation that it does not count.
    if (chunk.lsn < table_lsn_ && end > extent.table_end) return;
    ChunkRef ref;
    ref.first_index = e.first_index;
    ref.arrival_ms = e.arrival_ms;
    ref.segment = static_cast<uint32_t>(segment);
    ref.offset = e.payload_offset;
    ref.bytes = e.payload_bytes;
    ref.count = e.count;
    ref.crc = e.payload_crc;
    ref.encrypted = (e.flags & kEntryEncrypted) != 0;
    extent.found.push_back({ref, chunk.lsn});
  }

  std::vector<ReplayedExtent> Finish() {
    std::vector<ReplayedExtent> out;
    out.reserve(extents_.size());
    for (auto& [id, extent] : extents_) {
      Settle(extent);
      out.push_back(std::move(extent.out));
    }
    std::sort(out.begin(), out.end(),
              [](const ReplayedExtent& a, const ReplayedExtent& b) { return a.id < b.id; });
    return out;
  }

 private:
  struct Found {
    ChunkRef ref;
    Lsn lsn = 0;
  };
  struct Extent {
    ReplayedExtent out;
    Lsn open_lsn = 0;
    uint64_t table_end = 0;
    std::vector<Found> found;
  };

  // Orders the chunks, takes the newest copy of each, and counts what is missing between them.
  static void Settle(Extent& extent) {
    std::sort(extent.found.begin(), extent.found.end(), [](const Found& a, const Found& b) {
      if (a.ref.first_index != b.ref.first_index) return a.ref.first_index < b.ref.first_index;
      return a.lsn > b.lsn;
    });
    uint64_t next = extent.out.begin_index;
    for (const Found& found : extent.found) {
      const ChunkRef& ref = found.ref;
      // A copy of one that was kept, or begun before what was trimmed.
      if (!extent.out.chunks.empty() && ref.first_index < next) continue;
      if (ref.first_index > next) extent.out.lost_records += ref.first_index - next;
      next = ref.end_index();
      extent.out.chunks.push_back(ref);
    }
    extent.out.end_index = std::max({extent.out.end_index, next, extent.out.begin_index});
    extent.out.lost_records += extent.out.end_index - next;
  }

  Lsn table_lsn_ = 0;
  std::unordered_map<ExtentId, Extent, ExtentIdHash> extents_;
};

// What the index of a scanned segment has to say: the chunks that are kept and whole.
ReplayedSegment KeepSegment(FoundSegment& found, const LogEnd& end) {
  ReplayedSegment kept;
  kept.number = found.number;
  kept.size = found.size;
  kept.has_index_file = found.has_index_file;
  kept.indexed = found.indexed;
  if (found.indexed) {
    kept.contents = std::move(found.index);
    return kept;
  }
  kept.contents.segment = found.number;
  for (const ScannedBlock& block : found.blocks) {
    if (!end.Keeps(block.header.lsn)) continue;
    if (kept.end_offset == 0) kept.contents.first_lsn = block.header.lsn;
    kept.contents.last_lsn = block.header.lsn;
    kept.contents.log_id = block.header.log_id;
    kept.end_offset = block.offset + block.header.block_bytes;
    for (const ScannedEntry& entry : block.entries) {
      if (entry.entry.kind == EntryKind::kRecords && !entry.damaged) {
        kept.contents.chunks.push_back({entry.entry, block.header.lsn});
      }
    }
  }
  return kept;
}

}  // namespace

std::optional<size_t> SegmentToScanToo(const std::vector<FoundSegment>& segments) {
  std::optional<FoundTable> table = NewestTable(KeptEntries(segments, FindLogEnd(segments)));
  std::optional<size_t> newest;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (!segments[i].indexed) continue;
    if (table && segments[i].index.last_lsn < table->lsn) continue;
    if (!newest || segments[*newest].number < segments[i].number) newest = i;
  }
  return newest;
}

ReplayedLog ReplayLog(std::vector<FoundSegment> segments) {
  std::sort(segments.begin(), segments.end(),
            [](const FoundSegment& a, const FoundSegment& b) { return a.number < b.number; });
  LogEnd end = FindLogEnd(segments);
  ReplayedLog log;
  log.end_lsn = end.end_lsn;
  log.incarnation = end.incarnation;
  log.corrupt_blocks = CountCorruptBlocks(segments, end);

  std::vector<LogEntry> entries = KeptEntries(segments, end);
  std::optional<FoundTable> table = NewestTable(entries);
  log.table_found = table.has_value();
  Replay replay(table);
  for (const LogEntry& entry : entries) replay.Control(entry);
  for (FoundSegment& found : segments) {
    log.segments.push_back(KeepSegment(found, end));
    const ReplayedSegment& kept = log.segments.back();
    for (const IndexedChunk& chunk : kept.contents.chunks) replay.Chunk(kept.number, chunk);
    if (kept.indexed) log.segments.back().contents = SegmentContents();
  }
  log.extents = replay.Finish();
  for (const ReplayedExtent& extent : log.extents) log.lost_records += extent.lost_records;
  return log;
}

}  // namespace millrace::storage
