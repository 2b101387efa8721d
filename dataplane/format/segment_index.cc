#include "dataplane/format/segment_index.h"

#include <charconv>
#include <cstdio>
#include <optional>

#include "common/base/check.h"
#include "common/codec/crc32.h"
#include "dataplane/format/little_endian.h"

namespace millrace::storage {
namespace {

constexpr uint32_t kIndexMagic = 0x3158494d;  // "MIX1"
constexpr uint32_t kIndexVersion = 1;
constexpr size_t kCrcAt = 8;
// The header's checksum covers everything after itself, up to the end of the rows.
constexpr size_t kCrcBegin = 12;
constexpr uint32_t kRowEncrypted = 1;
constexpr size_t kNumberDigits = 20;

std::string Name(const char* prefix, uint64_t number, const char* suffix) {
  char text[64];
  std::snprintf(text, sizeof text, "%s%020llu%s", prefix, static_cast<unsigned long long>(number),
                suffix);
  return text;
}

std::optional<uint64_t> NumberIn(std::string_view name, std::string_view prefix,
                                 std::string_view suffix) {
  if (name.size() != prefix.size() + kNumberDigits + suffix.size() || !name.starts_with(prefix) ||
      !name.ends_with(suffix)) {
    return std::nullopt;
  }
  uint64_t number = 0;
  const char* first = name.data() + prefix.size();
  auto parsed = std::from_chars(first, first + kNumberDigits, number);
  if (parsed.ec != std::errc() || parsed.ptr != first + kNumberDigits) return std::nullopt;
  if (number < kSegmentNumberMin || number > kSegmentNumberMax) return std::nullopt;
  return number;
}

void EncodeRow(const IndexRow& row, uint8_t* at) {
  StoreLittle(at, row.extent.stream);
  StoreLittle(at + 8, row.extent.epoch);
  StoreLittle(at + 16, row.extent.shard);
  StoreLittle(at + 20, row.encrypted ? kRowEncrypted : 0);
  StoreLittle(at + 24, row.first_index);
  StoreLittle(at + 32, row.end_index);
  StoreLittle(at + 40, row.first_arrival_ms);
  StoreLittle(at + 48, row.last_arrival_ms);
  StoreLittle(at + 56, row.bytes);
  StoreLittle(at + 64, row.offset);
  StoreLittle(at + 72, row.chunks);
  StoreLittle(at + 76, row.crc);
}

IndexRow DecodeRow(const uint8_t* at) {
  IndexRow row;
  row.extent.stream = LoadLittle<uint64_t>(at);
  row.extent.epoch = LoadLittle<uint64_t>(at + 8);
  row.extent.shard = LoadLittle<uint32_t>(at + 16);
  row.encrypted = (LoadLittle<uint32_t>(at + 20) & kRowEncrypted) != 0;
  row.first_index = LoadLittle<uint64_t>(at + 24);
  row.end_index = LoadLittle<uint64_t>(at + 32);
  row.first_arrival_ms = LoadLittle<int64_t>(at + 40);
  row.last_arrival_ms = LoadLittle<int64_t>(at + 48);
  row.bytes = LoadLittle<uint64_t>(at + 56);
  row.offset = LoadLittle<uint64_t>(at + 64);
  row.chunks = LoadLittle<uint32_t>(at + 72);
  row.crc = LoadLittle<uint32_t>(at + 76);
  return row;
}

void EncodeChunk(const ChunkRef& chunk, uint8_t* at) {
  StoreLittle(at, chunk.first_index);
  StoreLittle(at + 8, chunk.arrival_ms);
  StoreLittle(at + 16, chunk.offset);
  StoreLittle(at + 20, chunk.bytes);
  StoreLittle(at + 24, chunk.count);
  StoreLittle(at + 28, chunk.crc);
}

// Writes the run's chunks to `at` and says what the directory has of them.
IndexRow EncodeRun(const IndexRun& run, uint8_t* at) {
  CHECK(!run.chunks.empty());
  const ChunkRef& first = run.chunks.front();
  IndexRow row;
  row.extent = run.extent;
  row.encrypted = first.encrypted;
  row.first_index = row.end_index = first.first_index;
  row.first_arrival_ms = first.arrival_ms;
  row.last_arrival_ms = run.chunks.back().arrival_ms;
  row.chunks = static_cast<uint32_t>(run.chunks.size());
  for (size_t i = 0; i < run.chunks.size(); ++i) {
    const ChunkRef& chunk = run.chunks[i];
    CHECK(chunk.first_index == row.end_index);
    row.end_index = chunk.end_index();
    row.bytes += chunk.bytes;
    EncodeChunk(chunk, at + i * kIndexChunkBytes);
  }
  row.crc = codec::Crc32c(at, run.chunks.size() * kIndexChunkBytes);
  return row;
}

}  // namespace

std::string EncodeSegmentIndex(const std::vector<IndexRun>& runs, SegmentDirectory* directory) {
  size_t head = kIndexHeaderBytes + runs.size() * kIndexRowBytes;
  size_t chunks = 0;
  for (const IndexRun& run : runs) chunks += run.chunks.size();
  std::string out(head + chunks * kIndexChunkBytes, '\0');
  auto* p = reinterpret_cast<uint8_t*>(out.data());
  size_t at = head;
  directory->rows.clear();
  for (const IndexRun& run : runs) {
    IndexRow row = EncodeRun(run, p + at);
    row.offset = at;
    EncodeRow(row, p + kIndexHeaderBytes + directory->rows.size() * kIndexRowBytes);
    directory->rows.push_back(row);
    at += run.chunks.size() * kIndexChunkBytes;
  }
  StoreLittle(p, kIndexMagic);
  StoreLittle(p + 4, kIndexVersion);
  StoreLittle(p + 12, static_cast<uint32_t>(runs.size()));
  StoreLittle(p + 16, directory->log_id);
  StoreLittle(p + 24, directory->segment);
  StoreLittle(p + 32, directory->first_lsn);
  StoreLittle(p + 40, directory->last_lsn);
  StoreLittle(p + kCrcAt, codec::Crc32c(p + kCrcBegin, head - kCrcBegin));
  return out;
}

size_t DirectoryBytes(std::string_view header) {
  auto* p = reinterpret_cast<const uint8_t*>(header.data());
  if (header.size() < kIndexHeaderBytes || LoadLittle<uint32_t>(p) != kIndexMagic ||
      LoadLittle<uint32_t>(p + 4) != kIndexVersion) {
    return 0;
  }
  return kIndexHeaderBytes + size_t{LoadLittle<uint32_t>(p + 12)} * kIndexRowBytes;
}

Result<SegmentDirectory> ParseDirectory(std::string_view bytes) {
  size_t head = DirectoryBytes(bytes);
  if (head == 0) return Corrupt("not a segment index");
  auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() < head ||
      codec::Crc32c(p + kCrcBegin, head - kCrcBegin) != LoadLittle<uint32_t>(p + kCrcAt)) {
    return Corrupt("segment index does not carry its checksum");
  }
  SegmentDirectory directory;
  directory.log_id = LoadLittle<uint64_t>(p + 16);
  directory.segment = LoadLittle<uint64_t>(p + 24);
  directory.first_lsn = LoadLittle<uint64_t>(p + 32);
  directory.last_lsn = LoadLittle<uint64_t>(p + 40);
  directory.rows.reserve((head - kIndexHeaderBytes) / kIndexRowBytes);
  for (size_t at = kIndexHeaderBytes; at < head; at += kIndexRowBytes) {
    directory.rows.push_back(DecodeRow(p + at));
  }
  return directory;
}

bool DirectoryFits(const SegmentDirectory& directory, uint64_t segment_bytes,
                   uint64_t index_bytes) {
  uint64_t live = 0;
  for (const IndexRow& row : directory.rows) {
    const uint64_t bytes = uint64_t{row.chunks} * kIndexChunkBytes;
    if (row.first_index >= row.end_index || row.end_index > kIndexMax || row.chunks == 0 ||
        row.bytes > segment_bytes || row.offset > index_bytes || bytes > index_bytes - row.offset) {
      return false;
    }
    live += row.bytes;
  }
  return directory.first_lsn <= directory.last_lsn && live <= segment_bytes;
}

bool ChunksFit(const IndexRow& row, const std::vector<ChunkRef>& chunks, uint64_t segment_bytes) {
  uint64_t next = row.first_index;
  uint64_t bytes = 0;
  for (const ChunkRef& chunk : chunks) {
    if (chunk.first_index != next || chunk.count == 0 || chunk.end_index() <= next ||
        uint64_t{chunk.offset} + chunk.bytes > segment_bytes) {
      return false;
    }
    next = chunk.end_index();
    bytes += chunk.bytes;
  }
  return next == row.end_index && bytes == row.bytes && chunks.size() == row.chunks;
}

Result<std::vector<ChunkRef>> ParseRun(std::string_view bytes, uint64_t segment, bool encrypted,
                                       uint32_t crc) {
  if (bytes.size() % kIndexChunkBytes != 0 || codec::Crc32c(bytes.data(), bytes.size()) != crc) {
    return Corrupt("chunks of a segment index do not carry their checksum");
  }
  std::vector<ChunkRef> chunks;
  chunks.reserve(bytes.size() / kIndexChunkBytes);
  auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  for (size_t at = 0; at < bytes.size(); at += kIndexChunkBytes) {
    ChunkRef chunk;
    chunk.first_index = LoadLittle<uint64_t>(p + at);
    chunk.arrival_ms = LoadLittle<int64_t>(p + at + 8);
    chunk.offset = LoadLittle<uint32_t>(p + at + 16);
    chunk.bytes = LoadLittle<uint32_t>(p + at + 20);
    chunk.count = LoadLittle<uint32_t>(p + at + 24);
    chunk.crc = LoadLittle<uint32_t>(p + at + 28);
    chunk.segment = static_cast<uint32_t>(segment);
    chunk.encrypted = encrypted;
    chunks.push_back(chunk);
  }
  return chunks;
}

std::string SegmentFileName(uint64_t number) { return Name("seg-", number, ".wal"); }
std::string IndexFileName(uint64_t number) { return Name("seg-", number, ".idx"); }
std::string FreeFileName(uint64_t number) { return Name("free-", number, ".wal"); }

ParsedName ParseFileName(std::string_view name) {
  if (auto n = NumberIn(name, "seg-", ".wal")) return {FileKind::kSegment, *n};
  if (auto n = NumberIn(name, "seg-", ".idx")) return {FileKind::kIndex, *n};
  if (auto n = NumberIn(name, "free-", ".wal")) return {FileKind::kFree, *n};
  return {};
}

}  // namespace millrace::storage
