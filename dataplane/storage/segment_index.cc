#include "dataplane/storage/segment_index.h"

#include <charconv>
#include <cstdio>

#include "common/codec/crc32.h"
#include "dataplane/storage/little_endian.h"

namespace millrace::storage {
namespace {

constexpr uint32_t kIndexMagic = 0x3158494d;  // "MIX1"
constexpr uint32_t kIndexVersion = 1;
constexpr size_t kHeaderBytes = 56;
constexpr size_t kCrcAt = 8;
constexpr size_t kCrcBegin = 12;
// A chunk is its block entry; the lsn takes the entry's last eight bytes, which a block leaves
// zero.
constexpr size_t kLsnInEntry = 56;

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
  return number;
}

}  // namespace

std::string EncodeSegmentIndex(const SegmentContents& contents) {
  std::string out(kHeaderBytes + contents.chunks.size() * kBlockEntryBytes, '\0');
  auto* p = reinterpret_cast<uint8_t*>(out.data());
  StoreLittle(p, kIndexMagic);
  StoreLittle(p + 4, kIndexVersion);
  StoreLittle(p + 16, static_cast<uint64_t>(contents.chunks.size()));
  StoreLittle(p + 24, contents.log_id);
  StoreLittle(p + 32, contents.segment);
  StoreLittle(p + 40, contents.first_lsn);
  StoreLittle(p + 48, contents.last_lsn);
  uint8_t* at = p + kHeaderBytes;
  for (const IndexedChunk& chunk : contents.chunks) {
    EncodeEntry(chunk.entry, at);
    StoreLittle(at + kLsnInEntry, chunk.lsn);
    at += kBlockEntryBytes;
  }
  StoreLittle(p + kCrcAt, codec::Crc32c(p + kCrcBegin, out.size() - kCrcBegin));
  return out;
}

Result<SegmentContents> ParseSegmentIndex(std::string_view bytes) {
  auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  if (bytes.size() < kHeaderBytes || LoadLittle<uint32_t>(p) != kIndexMagic ||
      LoadLittle<uint32_t>(p + 4) != kIndexVersion) {
    return Corrupt("not a segment index");
  }
  uint64_t count = LoadLittle<uint64_t>(p + 16);
  if ((bytes.size() - kHeaderBytes) % kBlockEntryBytes != 0 ||
      (bytes.size() - kHeaderBytes) / kBlockEntryBytes != count ||
      codec::Crc32c(p + kCrcBegin, bytes.size() - kCrcBegin) != LoadLittle<uint32_t>(p + kCrcAt)) {
    return Corrupt("segment index does not carry its checksum");
  }
  SegmentContents contents;
  contents.log_id = LoadLittle<uint64_t>(p + 24);
  contents.segment = LoadLittle<uint64_t>(p + 32);
  contents.first_lsn = LoadLittle<uint64_t>(p + 40);
  contents.last_lsn = LoadLittle<uint64_t>(p + 48);
  contents.chunks.reserve(count);
  const uint8_t* at = p + kHeaderBytes;
  for (uint64_t i = 0; i < count; ++i, at += kBlockEntryBytes) {
    contents.chunks.push_back({DecodeEntry(at), LoadLittle<uint64_t>(at + kLsnInEntry)});
  }
  return contents;
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
