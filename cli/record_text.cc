#include "cli/record_text.h"

#include <zlib.h>

#include <optional>

#include "common/aws_framing/kpl_aggregate.h"

namespace millrace::cli {
namespace {

constexpr size_t kUnpackedBytesMax = 10 * 1024 * 1024;
constexpr size_t kHexBytesMax = 256;

std::optional<std::string> Gunzip(std::string_view data) {
  if (data.size() < 2 || data[0] != '\x1f' || data[1] != '\x8b') return std::nullopt;
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  char buffer[16384];
  int result = Z_OK;
  while (result == Z_OK && out.size() < kUnpackedBytesMax) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

// Printable UTF-8, as far as a terminal is concerned: no control bytes but tab and line ends.
bool IsText(std::string_view data) {
  size_t follow = 0;
  for (char c : data) {
    auto byte = static_cast<unsigned char>(c);
    if (follow > 0) {
      if ((byte & 0xc0) != 0x80) return false;
      --follow;
    } else if (byte >= 0xf0) {
      follow = 3;
    } else if (byte >= 0xe0) {
      follow = 2;
    } else if (byte >= 0xc2) {
      follow = 1;
    } else if (byte >= 0x80 || (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
               byte == 0x7f) {
      return false;
    }
  }
  return follow == 0;
}

std::string HexOf(std::string_view data) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "0x";
  for (char c : data.substr(0, kHexBytesMax)) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  if (data.size() > kHexBytesMax) out += "... (" + std::to_string(data.size()) + " bytes)";
  return out;
}

std::string TextOf(std::string_view data) {
  if (std::optional<std::string> unpacked = Gunzip(data)) return TextOf(*unpacked);
  if (!IsText(data)) return HexOf(data);
  while (!data.empty() && (data.back() == '\n' || data.back() == '\r')) data.remove_suffix(1);
  return std::string(data);
}

}  // namespace

std::vector<RecordText> DecodeRecord(std::string_view partition_key, std::string_view data) {
  std::vector<RecordText> out;
  Result<std::vector<aws::KplUserRecord>> aggregate = aws::DecodeKplAggregate(data);
  if (!aggregate.ok()) {
    out.push_back({std::string(partition_key), TextOf(data)});
    return out;
  }
  for (const aws::KplUserRecord& record : *aggregate) {
    out.push_back({std::string(record.partition_key), TextOf(record.data)});
  }
  return out;
}

}  // namespace millrace::cli
