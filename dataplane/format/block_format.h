#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/disk/disk.h"
#include "dataplane/format/extent.h"

namespace millrace::storage {

// The bytes of a log block (docs/formats/segment.md): what one durable write holds. A header and
// its entries, under a checksum of their own, then the payloads, each under the checksum in its
// entry, so that a flipped bit costs one chunk and a reader can verify a chunk without its block.
// Pure.

constexpr uint32_t kBlockMagic = 0x314b424d;  // "MBK1"
constexpr uint16_t kBlockVersion = 1;
constexpr size_t kBlockHeaderBytes = 64;
constexpr size_t kBlockEntryBytes = 64;

// An lsn numbers the blocks of a lane for ever: the incarnation (one per recovery that wrote
// anything) above, a count below, so that two blocks never share one, not even where one was torn
// away.
using Lsn = uint64_t;
constexpr int kLsnIncarnationShift = 40;
constexpr uint64_t IncarnationOf(Lsn lsn) { return lsn >> kLsnIncarnationShift; }
constexpr Lsn FirstLsnOf(uint64_t incarnation) { return incarnation << kLsnIncarnationShift; }

struct BlockHeader {
  uint64_t log_id = 0;   // a secret of this log: no payload can pretend to be a block
  uint64_t segment = 0;  // recycled files hold stale blocks of other numbers
  Lsn lsn = 0;
  Lsn committed_lsn = 0;     // everything up to here was durable when this block was built
  Lsn prior_end_lsn = 0;     // the last block kept of earlier incarnations; later ones are void
  uint32_t block_bytes = 0;  // all of it, a multiple of kDiskAlignment
};

enum class EntryKind : uint8_t {
  kRecords = 1,  // a chunk
  kOpen = 2,     // an extent begins; payload: its wrapped data key, if encrypted
  kSeal = 3,     // it ends at first_index
  kDrop = 4,     // it is forgotten
  kTrim = 5,     // its records below first_index are
  kTable = 6,    // part first_index of count of the table of all extents (docs/formats/extent.md)
};

constexpr uint8_t kEntryEncrypted = 1;  // payload: nonce, ciphertext, tag (chunk_cipher.h)
constexpr uint8_t kEntryMoved = 2;      // rewritten by the cleaner

struct BlockEntry {
  EntryKind kind = EntryKind::kRecords;
  uint8_t flags = 0;
  uint32_t count = 0;
  ExtentId extent;
  uint64_t first_index = 0;
  WallMs arrival_ms = 0;
  uint32_t payload_offset = 0;  // from the start of the block
  uint32_t payload_bytes = 0;
  uint32_t payload_crc = 0;
};

struct ParsedBlock {
  BlockHeader header;
  std::vector<BlockEntry> entries;
};

constexpr size_t RoundUpToDisk(size_t bytes) {
  return (bytes + kDiskAlignment - 1) / kDiskAlignment * kDiskAlignment;
}
// The size of a block with so many entries and bytes of payload.
constexpr size_t BlockBytes(size_t entries, size_t payload_bytes) {
  return RoundUpToDisk(kBlockHeaderBytes + entries * kBlockEntryBytes + payload_bytes);
}
constexpr size_t PayloadBegin(size_t entries) {
  return kBlockHeaderBytes + entries * kBlockEntryBytes;
}

void EncodeEntry(const BlockEntry& entry, uint8_t* at);
BlockEntry DecodeEntry(const uint8_t* at);
// Writes header, entries and their checksum to `block`, whose payloads are in place already, and
// zeros the padding after the last payload.
void SealBlock(const BlockHeader& header, std::span<const BlockEntry> entries, uint8_t* block);

// What the first bytes of a block say of its size, before any checksum: enough to know how much to
// read. Nothing where they are no block's.
struct BlockExtentHint {
  size_t head_bytes = 0;  // header and entries
  size_t block_bytes = 0;
};
std::optional<BlockExtentHint> PeekBlock(const uint8_t* data, size_t size);
// Header and entries where their checksum holds and every payload lies inside the block; the
// payloads themselves are not looked at. `size` may be less than the block, not less than its head.
std::optional<ParsedBlock> ParseBlock(const uint8_t* data, size_t size);

}  // namespace millrace::storage
