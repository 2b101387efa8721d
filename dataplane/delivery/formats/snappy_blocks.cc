#include "dataplane/delivery/formats/snappy_blocks.h"

#include <snappy.h>

#include "common/base/check.h"
#include "common/codec/crc32.h"

namespace millrace::delivery {

namespace {

constexpr uint8_t kCompressedChunk = 0x00;
constexpr uint8_t kPlainChunk = 0x01;

void AppendLittle(uint32_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

void AppendBig(uint32_t value, std::string& out) {
  for (int i = 3; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

// As the format has it, so that a checksum of data that holds checksums stays a good one.
uint32_t MaskedCrc(std::string_view block) {
  const uint32_t crc = codec::Crc32c(block.data(), block.size());
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

}  // namespace

std::string_view SnappyStreamIdentifier() { return {"\xff\x06\x00\x00sNaPpY", 10}; }

void AppendSnappyFrame(std::string_view block, std::string& out) {
  MILLRACE_CHECK(block.size() <= kSnappyFrameBlockBytes);
  std::string packed;
  snappy::Compress(block.data(), block.size(), &packed);
  // What does not get an eighth smaller is kept as it is, as the reference does.
  const bool is_packed = packed.size() < block.size() - block.size() / 8;
  const std::string_view body = is_packed ? std::string_view(packed) : block;
  out += static_cast<char>(is_packed ? kCompressedChunk : kPlainChunk);
  AppendLittle(static_cast<uint32_t>(body.size() + 4), 3, out);
  AppendLittle(MaskedCrc(block), 4, out);
  out += body;
}

void AppendHadoopSnappyBlock(std::string_view block, std::string& out) {
  std::string packed;
  snappy::Compress(block.data(), block.size(), &packed);
  AppendBig(static_cast<uint32_t>(block.size()), out);
  AppendBig(static_cast<uint32_t>(packed.size()), out);
  out += packed;
}

}  // namespace millrace::delivery
