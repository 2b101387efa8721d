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

  // A chunk of a scanned segment.
  void Chunk(uint64_t segment, Lsn lsn, const BlockEntry& e) {
    auto it = extents_.find(e.extent);
    if (it == extents_.end() || lsn < it->second.open_lsn) return;
    // Written before the table but past what it says: of an incarnation that it does not count.
    if (lsn < table_lsn_ && e.first_index + e.count > it->second.table_end) return;
    ChunkRef ref = RefOf(e, segment);
    it->second.found.push_back({e.first_index, ref.end_index(), segment, ref, nullptr, nullptr});
  }

  // An indexed segment, all of which was acknowledged.
  void Index(const FoundSegment& segment) {
    for (size_t i = 0; i < segment.directory.rows.size(); ++i) {
      const IndexRow& row = segment.directory.rows[i];
      auto it = extents_.find(row.extent);
      if (it == extents_.end() || segment.directory.last_lsn < it->second.open_lsn) continue;
      // Recovery lets no such row in (DirectoryFits); found by other ways it must do no harm.
      if (row.first_index >= row.end_index) continue;
      Found found{row.first_index, row.end_index, segment.number, ChunkRef(), &row, nullptr};
      if (i < segment.lists.size() && !segment.lists[i].empty()) found.list = &segment.lists[i];
      it->second.found.push_back(found);
    }
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
  // A chunk, or a row that stands for several.
  struct Found {
    uint64_t first_index = 0;
    uint64_t end_index = 0;
    uint64_t segment = 0;
    ChunkRef ref;
    const IndexRow* row = nullptr;
    const std::vector<ChunkRef>* list = nullptr;  // of the row, where it was read
  };
  struct Extent {
    ReplayedExtent out;
    Lsn open_lsn = 0;
    uint64_t table_end = 0;
    std::vector<Found> found;
  };

  // Whether one of its chunks begins at `next`, as far as they are known: a chunk is kept whole.
  static bool BeginsInside(const Found& found, uint64_t next) {
    if (found.row == nullptr) return false;
    if (found.list == nullptr) return true;
    return std::any_of(found.list->begin(), found.list->end(),
                       [&](const ChunkRef& chunk) { return chunk.first_index == next; });
  }

  // What of it is not before `next`. Both ends of a row, and `next`, are ends of chunks: the
  // cleaner moves them whole, and trims drop them whole.
  static void Keep(const Found& found, uint64_t next, ReplayedExtent* out) {
    if (found.row == nullptr) return out->chunks.Append(found.ref);
    const IndexRow& row = *found.row;
    ChunkSpan span;
    span.first_index = std::max(row.first_index, next);
    span.end_index = row.end_index;
    span.first_arrival_ms = row.first_arrival_ms;
    span.last_arrival_ms = row.last_arrival_ms;
    span.bytes = row.bytes;
    span.segment = static_cast<uint32_t>(found.segment);
    span.encrypted = row.encrypted;
    span.group_offset = row.offset;
    span.group_chunks = row.chunks;
    span.group_crc = row.crc;
    out->last_arrival_ms = std::max(out->last_arrival_ms, row.last_arrival_ms);
    out->chunks.AppendSpan(std::move(span), found.list);
  }

  // Orders the chunks, takes the newest copy of each, and counts what is missing between them.
  static void Settle(Extent& extent) {
    ReplayedExtent& out = extent.out;
    std::sort(extent.found.begin(), extent.found.end(), [](const Found& a, const Found& b) {
      if (a.first_index != b.first_index) return a.first_index < b.first_index;
      // The cleaner moves chunks to younger segments only.
      return a.segment > b.segment;
    });
    uint64_t next = out.begin_index;
    for (const Found& found : extent.found) {
      // Trimmed, or a copy of one that is kept.
      if (found.end_index <= next) continue;
      if (found.first_index < next && !BeginsInside(found, next)) continue;
      if (found.first_index > next) out.lost_records += found.first_index - next;
      Keep(found, next, &out);
      next = found.end_index;
    }
    out.end_index = std::max({out.end_index, next, out.begin_index});
    out.lost_records += out.end_index - next;
  }

  Lsn table_lsn_ = 0;
  std::unordered_map<ExtentId, Extent, ExtentIdHash> extents_;
};

ReplayedSegment KeepSegment(const FoundSegment& found, const LogEnd& end) {
  ReplayedSegment kept;
  kept.number = found.number;
  kept.size = found.size;
  kept.has_index_file = found.has_index_file;
  kept.index_bytes = found.index_bytes;
  kept.indexed = found.indexed;
  if (found.indexed) {
    kept.first_lsn = found.directory.first_lsn;
    kept.last_lsn = found.directory.last_lsn;
    return kept;
  }
  for (const ScannedBlock& block : found.blocks) {
    if (!end.Keeps(block.header.lsn)) continue;
    if (kept.first_lsn == 0) kept.first_lsn = block.header.lsn;
    kept.last_lsn = block.header.lsn;
    kept.end_offset = block.offset + block.header.block_bytes;
  }
  return kept;
}

}  // namespace

std::optional<size_t> SegmentToScanToo(const std::vector<FoundSegment>& segments) {
  std::optional<FoundTable> table = NewestTable(KeptEntries(segments, FindLogEnd(segments)));
  std::optional<size_t> newest;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (!segments[i].indexed) continue;
    if (table && segments[i].directory.last_lsn < table->lsn) continue;
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
  Replay replay(NewestTable(entries));
  for (const LogEntry& entry : entries) replay.Control(entry);
  for (const LogEntry& entry : entries) {
    const BlockEntry& e = entry.scanned->entry;
    if (e.kind != EntryKind::kRecords || entry.scanned->damaged) continue;
    replay.Chunk(entry.segment, entry.lsn, e);
  }
  for (const FoundSegment& found : segments) {
    log.segments.push_back(KeepSegment(found, end));
    if (found.indexed) replay.Index(found);
  }
  log.extents = replay.Finish();
  for (const ReplayedExtent& extent : log.extents) log.lost_records += extent.lost_records;
  return log;
}

}  // namespace millrace::storage
