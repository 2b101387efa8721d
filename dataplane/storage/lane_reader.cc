#include "dataplane/storage/lane_reader.h"

#include <algorithm>

#include "common/codec/crc32.h"
#include "common/log/log.h"

namespace millrace::storage {
namespace {

// Chunks this close together on the disk are read in one go, with what lies between them.
constexpr uint64_t kGapBytesMax = 64 * kKiB;
constexpr uint64_t kPieceBytesMax = 8 * kMiB;

}  // namespace

struct LaneReader::Operation {
  // One read of the disk and the chunks in it.
  struct Piece {
    uint64_t segment = 0;
    uint64_t offset = 0;
    uint64_t bytes = 0;
    std::vector<ChunkRef> chunks;
    Slice data;
  };
  std::shared_ptr<ExtentState> extent;
  uint64_t from_index = 0;
  size_t bytes_max = 0;
  Done done;
  ReadResult result;
  std::vector<Piece> pieces;
  uint64_t planned_bytes = 0;
  size_t outstanding = 0;
  Status failure;
};

void LaneReader::Read(const ExtentId& id, uint64_t from_index, size_t bytes_max, Done done) {
  ExtentState* extent = lane_.extents.Find(id);
  if (extent == nullptr) return done(NotFound("no such extent"));
  if (extent->encrypted && extent->cipher == nullptr) {
    return done(Unavailable("the extent's data key cannot be unwrapped"));
  }
  uint64_t from = std::max(from_index, extent->begin_index);
  ReadResult result;
  if (from >= extent->end_index || lane_.cache.Collect(id, from, bytes_max, &result.chunks)) {
    if (!result.chunks.empty()) {
      ++lane_.stats.cache_hits;
      lane_.metrics.Read(true);
      from = result.chunks.back().first_index + result.chunks.back().count;
    }
    result.end_of_extent = extent->sealed && from >= extent->end_index;
    result.next_index = result.end_of_extent ? extent->end_index : from;
    return done(std::move(result));
  }
  ++lane_.stats.cache_misses;
  lane_.metrics.Read(false);
  auto op = std::make_shared<Operation>();
  op->extent = lane_.extents.FindShared(id);
  op->from_index = from;
  op->bytes_max = bytes_max;
  op->done = std::move(done);
  Step(op);
}

void LaneReader::Step(const OperationPtr& op) {
  if (op->extent->dropped) return op->done(NotFound("the extent was dropped"));
  // What was trimmed meanwhile is not seen any more.
  op->from_index = std::max(op->from_index, op->extent->begin_index);
  const ChunkSpan* unlisted = Plan(*op->extent, *op);
  if (!op->pieces.empty()) return Issue(op);
  if (unlisted == nullptr) return Finish(*op);
  indexes_.Load(op->extent, *unlisted, [this, op](const Status& status) {
    if (!status.ok()) return op->done(status.WithContext("reading a segment's index"));
    Step(op);
  });
}

const ChunkSpan* LaneReader::Plan(const ExtentState& extent, Operation& op) {
  op.pieces.clear();
  op.planned_bytes = 0;
  const std::vector<ChunkSpan>& spans = extent.chunks.spans();
  for (size_t i = extent.chunks.FindSpan(op.from_index); i < spans.size(); ++i) {
    if (!spans[i].loaded()) return &spans[i];
    const std::vector<ChunkRef>& chunks = *spans[i].chunks;
    auto chunk = std::partition_point(chunks.begin(), chunks.end(), [&](const ChunkRef& c) {
      return c.end_index() <= op.from_index;
    });
    for (; chunk != chunks.end(); ++chunk) {
      if (chunk->lost) continue;
      if (!AddPiece(*chunk, op)) return nullptr;
    }
  }
  return nullptr;
}

// False where the read is large enough without it.
bool LaneReader::AddPiece(const ChunkRef& chunk, Operation& op) {
  if (op.planned_bytes > 0 && op.planned_bytes + chunk.bytes > op.bytes_max) return false;
  op.planned_bytes += chunk.bytes;
  uint64_t end = uint64_t{chunk.offset} + chunk.bytes;
  if (!op.pieces.empty()) {
    Operation::Piece& last = op.pieces.back();
    uint64_t last_end = last.offset + last.bytes;
    if (last.segment == chunk.segment && chunk.offset >= last_end &&
        chunk.offset - last_end <= kGapBytesMax && end - last.offset <= kPieceBytesMax) {
      last.bytes = end - last.offset;
      last.chunks.push_back(chunk);
      return true;
    }
  }
  op.pieces.push_back({chunk.segment, chunk.offset, chunk.bytes, {chunk}, Slice()});
  return true;
}

void LaneReader::Issue(const OperationPtr& op) {
  op->outstanding = op->pieces.size();
  // Several reads may finish before this loop does.
  size_t count = op->pieces.size();
  for (size_t i = 0; i < count; ++i) {
    const Operation::Piece& piece = op->pieces[i];
    Segment* segment = segments_.Find(piece.segment);
    CHECK(segment != nullptr);
    segments_.Pin(*segment);
    lane_.disk.Read(
        SegmentFileName(piece.segment), piece.offset, piece.bytes,
        lane_.Guard([this, op, i](Result<Slice> data) { Arrived(op, i, std::move(data)); }));
  }
}

void LaneReader::Arrived(const OperationPtr& op, size_t piece, Result<Slice> data) {
  Segment* segment = segments_.Find(op->pieces[piece].segment);
  CHECK(segment != nullptr);
  segments_.Unpin(*segment);
  if (data.ok()) {
    op->pieces[piece].data = std::move(data).value();
  } else {
    op->failure = data.status();
  }
  if (--op->outstanding > 0) return;
  if (!op->failure.ok()) return op->done(op->failure.WithContext("reading the log"));
  Collect(*op);
  // All of it was lost: what comes after it is what the reader is here for.
  if (op->result.chunks.empty()) return Step(op);
  Finish(*op);
}

void LaneReader::Collect(Operation& op) {
  ExtentState& extent = *op.extent;
  // What was trimmed while the disk was read is not missed.
  uint64_t next = std::max(op.from_index, extent.begin_index);
  for (Operation::Piece& piece : op.pieces) {
    for (const ChunkRef& chunk : piece.chunks) {
      uint64_t at = chunk.offset - piece.offset;
      bool there = at + chunk.bytes <= piece.data.size();
      Result<Slice> plain = there
                                ? Verify(extent, chunk, piece.data.Sub(at, chunk.bytes))
                                : Result<Slice>(Corrupt("the segment ends before the chunk does"));
      if (!plain.ok()) {
        Quarantine(extent, chunk);
        continue;
      }
      if (chunk.first_index > next) op.result.skipped_lost += chunk.first_index - next;
      if (chunk.end_index() <= next) continue;
      next = chunk.end_index();
      op.result.chunks.push_back(
          {chunk.first_index, chunk.count, chunk.arrival_ms, std::move(plain).value()});
    }
  }
  op.pieces.clear();
  op.from_index = next;
}

Result<Slice> LaneReader::Verify(ExtentState& extent, const ChunkRef& chunk, const Slice& bytes) {
  if (codec::Crc32c(bytes.data(), bytes.size()) != chunk.crc) {
    return Corrupt("the chunk does not carry its checksum");
  }
  if (!chunk.encrypted) return bytes;
  return extent.cipher->Open({extent.id, chunk.first_index, chunk.count, chunk.arrival_ms},
                             bytes.view());
}

void LaneReader::Quarantine(ExtentState& extent, const ChunkRef& chunk) {
  if (!extent.chunks.MarkLost(chunk)) return;
  // Its bytes are worth nothing; they keep no segment alive.
  segments_.SubLive(chunk.segment, chunk.bytes);
  extent.live_bytes -= chunk.bytes;
  ++lane_.stats.corrupt_blocks;
  lane_.stats.lost_records += chunk.count;
  lane_.metrics.Corrupt(1, chunk.count);
  extent.lost_records += chunk.count;
  log::Error("acknowledged records are corrupt", {{"stream", extent.id.stream},
                                                  {"shard", extent.id.shard},
                                                  {"segment", chunk.segment},
                                                  {"offset", chunk.offset},
                                                  {"records", chunk.count}});
}

void LaneReader::Finish(Operation& op) {
  const ExtentState& extent = *op.extent;
  // Nothing follows that could be served: the end, past whatever was lost before it.
  if (op.result.chunks.empty() && op.from_index < extent.end_index) {
    op.result.skipped_lost += extent.end_index - op.from_index;
    op.from_index = extent.end_index;
  }
  op.result.end_of_extent = extent.sealed && op.from_index >= extent.end_index;
  op.result.next_index = op.from_index;
  op.done(std::move(op.result));
}

}  // namespace millrace::storage
