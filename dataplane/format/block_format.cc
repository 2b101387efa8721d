#include "dataplane/format/block_format.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/codec/crc32.h"
#include "dataplane/format/little_endian.h"

namespace millrace::storage {
namespace {

// Header fields.
constexpr size_t kMagicAt = 0;
constexpr size_t kVersionAt = 4;
constexpr size_t kHeaderBytesAt = 6;
constexpr size_t kCrcAt = 8;
constexpr size_t kEntryCountAt = 12;
constexpr size_t kBlockBytesAt = 16;
constexpr size_t kReservedAt = 20;
constexpr size_t kLogIdAt = 24;
constexpr size_t kSegmentAt = 32;
constexpr size_t kLsnAt = 40;
constexpr size_t kCommittedAt = 48;
constexpr size_t kPriorEndAt = 56;

// The checksum covers header and entries, less itself.
uint32_t HeadCrc(const uint8_t* block, size_t head_bytes) {
  uint32_t crc = codec::Crc32c(block, kCrcAt);
  return codec::Crc32c(block + kEntryCountAt, head_bytes - kEntryCountAt, crc);
}

bool PayloadInside(const BlockEntry& e, size_t head_bytes, size_t block_bytes) {
  if (e.payload_bytes == 0) return true;
  return e.payload_offset >= head_bytes && e.payload_offset <= block_bytes &&
         e.payload_bytes <= block_bytes - e.payload_offset;
}

}  // namespace

void EncodeEntry(const BlockEntry& e, uint8_t* at) {
  std::memset(at, 0, kBlockEntryBytes);
  at[0] = static_cast<uint8_t>(e.kind);
  at[1] = e.flags;
  StoreLittle(at + 4, e.count);
  StoreLittle(at + 8, e.extent.stream);
  StoreLittle(at + 16, e.extent.epoch);
  StoreLittle(at + 24, e.extent.shard);
  StoreLittle(at + 28, e.payload_bytes);
  StoreLittle(at + 32, e.first_index);
  StoreLittle(at + 40, e.arrival_ms);
  StoreLittle(at + 48, e.payload_offset);
  StoreLittle(at + 52, e.payload_crc);
}

BlockEntry DecodeEntry(const uint8_t* at) {
  BlockEntry e;
  e.kind = static_cast<EntryKind>(at[0]);
  e.flags = at[1];
  e.count = LoadLittle<uint32_t>(at + 4);
  e.extent.stream = LoadLittle<uint64_t>(at + 8);
  e.extent.epoch = LoadLittle<uint64_t>(at + 16);
  e.extent.shard = LoadLittle<uint32_t>(at + 24);
  e.payload_bytes = LoadLittle<uint32_t>(at + 28);
  e.first_index = LoadLittle<uint64_t>(at + 32);
  e.arrival_ms = LoadLittle<int64_t>(at + 40);
  e.payload_offset = LoadLittle<uint32_t>(at + 48);
  e.payload_crc = LoadLittle<uint32_t>(at + 52);
  return e;
}

void SealBlock(const BlockHeader& header, std::span<const BlockEntry> entries, uint8_t* block) {
  size_t head = PayloadBegin(entries.size());
  DCHECK(header.block_bytes % kDiskAlignment == 0 && head <= header.block_bytes);
  size_t used = head;
  for (size_t i = 0; i < entries.size(); ++i) {
    EncodeEntry(entries[i], block + kBlockHeaderBytes + i * kBlockEntryBytes);
    used = std::max<size_t>(used, entries[i].payload_offset + entries[i].payload_bytes);
  }
  DCHECK(used <= header.block_bytes);
  std::memset(block + used, 0, header.block_bytes - used);
  StoreLittle(block + kMagicAt, kBlockMagic);
  StoreLittle(block + kVersionAt, kBlockVersion);
  StoreLittle(block + kHeaderBytesAt, static_cast<uint16_t>(kBlockHeaderBytes));
  StoreLittle(block + kEntryCountAt, static_cast<uint32_t>(entries.size()));
  StoreLittle(block + kBlockBytesAt, header.block_bytes);
  StoreLittle(block + kReservedAt, uint32_t{0});
  StoreLittle(block + kLogIdAt, header.log_id);
  StoreLittle(block + kSegmentAt, header.segment);
  StoreLittle(block + kLsnAt, header.lsn);
  StoreLittle(block + kCommittedAt, header.committed_lsn);
  StoreLittle(block + kPriorEndAt, header.prior_end_lsn);
  StoreLittle(block + kCrcAt, HeadCrc(block, head));
}

std::optional<BlockExtentHint> PeekBlock(const uint8_t* data, size_t size) {
  if (size < kBlockHeaderBytes || LoadLittle<uint32_t>(data + kMagicAt) != kBlockMagic ||
      LoadLittle<uint16_t>(data + kVersionAt) != kBlockVersion ||
      LoadLittle<uint16_t>(data + kHeaderBytesAt) != kBlockHeaderBytes) {
    return std::nullopt;
  }
  size_t entries = LoadLittle<uint32_t>(data + kEntryCountAt);
  size_t block_bytes = LoadLittle<uint32_t>(data + kBlockBytesAt);
  size_t head = PayloadBegin(entries);
  if (block_bytes == 0 || block_bytes % kDiskAlignment != 0 || head > block_bytes) {
    return std::nullopt;
  }
  return BlockExtentHint{head, block_bytes};
}

std::optional<ParsedBlock> ParseBlock(const uint8_t* data, size_t size) {
  auto hint = PeekBlock(data, size);
  if (!hint || hint->head_bytes > size) return std::nullopt;
  if (HeadCrc(data, hint->head_bytes) != LoadLittle<uint32_t>(data + kCrcAt)) return std::nullopt;
  ParsedBlock block;
  block.header.log_id = LoadLittle<uint64_t>(data + kLogIdAt);
  block.header.segment = LoadLittle<uint64_t>(data + kSegmentAt);
  block.header.lsn = LoadLittle<uint64_t>(data + kLsnAt);
  block.header.committed_lsn = LoadLittle<uint64_t>(data + kCommittedAt);
  block.header.prior_end_lsn = LoadLittle<uint64_t>(data + kPriorEndAt);
  block.header.block_bytes = static_cast<uint32_t>(hint->block_bytes);
  size_t entries = (hint->head_bytes - kBlockHeaderBytes) / kBlockEntryBytes;
  block.entries.reserve(entries);
  for (size_t i = 0; i < entries; ++i) {
    block.entries.push_back(DecodeEntry(data + kBlockHeaderBytes + i * kBlockEntryBytes));
    if (!PayloadInside(block.entries.back(), hint->head_bytes, hint->block_bytes)) {
      return std::nullopt;
    }
  }
  return block;
}

}  // namespace millrace::storage
