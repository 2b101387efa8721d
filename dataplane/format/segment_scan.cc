#include "dataplane/format/segment_scan.h"

#include <algorithm>

#include "common/codec/crc32.h"

namespace millrace::storage {
namespace {

constexpr size_t kWindowBytes = 2 * kMiB;

// A checksum holds for what a writer with a bug wrote, too.
bool IsPlausible(const BlockEntry& e) {
  if (e.kind == EntryKind::kRecords && (e.count == 0 || e.payload_bytes == 0)) return false;
  return e.first_index <= kIndexMax;
}

}  // namespace

ChunkRef RefOf(const BlockEntry& entry, uint64_t segment) {
  ChunkRef ref;
  ref.first_index = entry.first_index;
  ref.arrival_ms = entry.arrival_ms;
  ref.segment = static_cast<uint32_t>(segment);
  ref.offset = entry.payload_offset;
  ref.bytes = entry.payload_bytes;
  ref.count = entry.count;
  ref.crc = entry.payload_crc;
  ref.encrypted = (entry.flags & kEntryEncrypted) != 0;
  return ref;
}

SegmentScan::SegmentScan(uint64_t segment, uint64_t size, std::optional<uint64_t> log_id)
    : segment_(segment),
      size_(size / kDiskAlignment * kDiskAlignment),
      log_id_(log_id),
      want_(kWindowBytes) {}

std::optional<SegmentScan::Want> SegmentScan::next() const {
  if (at_ >= size_) return std::nullopt;
  return Want{at_, static_cast<size_t>(std::min<uint64_t>(want_, size_ - at_))};
}

void SegmentScan::Feed(const Slice& data) {
  size_t at = 0;
  while (at + kDiskAlignment <= data.size()) {
    size_t left = data.size() - at;
    size_t bytes = BlockAt(data.data() + at, left, at_ + at);
    if (bytes > left) {
      // Asking for the same bytes again would not end: the file is shorter than it should be.
      if (at == 0 && data.size() < want_) {
        at += kDiskAlignment;
        continue;
      }
      at_ += at;
      want_ = std::max(kWindowBytes, bytes);
      return;
    }
    at += bytes == 0 ? kDiskAlignment : bytes;
  }
  bool file_ended = data.size() < want_ && at_ + data.size() < size_;
  at_ = file_ended || at == 0 ? size_ : at_ + at;
  want_ = kWindowBytes;
}

size_t SegmentScan::BlockAt(const uint8_t* at, size_t left, uint64_t offset) {
  auto hint = PeekBlock(at, left);
  if (!hint || hint->block_bytes > size_ - offset) return 0;
  if (hint->head_bytes > left) return hint->head_bytes;
  auto parsed = ParseBlock(at, left);
  if (!parsed || parsed->header.segment != segment_) return 0;
  if (log_id_ && *log_id_ != parsed->header.log_id) return 0;
  if (hint->block_bytes > left) return hint->block_bytes;
  log_id_ = parsed->header.log_id;
  Add(std::move(*parsed), at, offset);
  return hint->block_bytes;
}

void SegmentScan::Add(ParsedBlock parsed, const uint8_t* at, uint64_t offset) {
  ScannedBlock block;
  block.header = parsed.header;
  block.offset = offset;
  block.entries.reserve(parsed.entries.size());
  for (BlockEntry& e : parsed.entries) {
    ScannedEntry entry;
    const uint8_t* payload = at + e.payload_offset;
    entry.damaged = e.payload_bytes > 0 && codec::Crc32c(payload, e.payload_bytes) != e.payload_crc;
    entry.damaged |= !IsPlausible(e);
    block.damaged |= entry.damaged;
    if (e.kind != EntryKind::kRecords && !entry.damaged) {
      entry.payload.assign(reinterpret_cast<const char*>(payload), e.payload_bytes);
    }
    entry.entry = e;
    entry.entry.payload_offset = static_cast<uint32_t>(offset + e.payload_offset);
    block.entries.push_back(std::move(entry));
  }
  blocks_.push_back(std::move(block));
}

}  // namespace millrace::storage
