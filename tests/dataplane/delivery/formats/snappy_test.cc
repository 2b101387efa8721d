#include <gtest/gtest.h>
#include <snappy.h>
#include <zstd.h>

#include "common/base/random.h"
#include "common/codec/crc32.h"
#include "dataplane/delivery/formats/compression.h"

namespace millrace::delivery {
namespace {

uint32_t Little(std::string_view bytes) {
  uint32_t out = 0;
  for (size_t i = bytes.size(); i-- > 0;) out = out << 8 | static_cast<uint8_t>(bytes[i]);
  return out;
}
uint32_t Big(std::string_view bytes) {
  uint32_t out = 0;
  for (char c : bytes) out = out << 8 | static_cast<uint8_t>(c);
  return out;
}

std::string Unpacked(std::string_view bytes) {
  std::string out;
  EXPECT_TRUE(snappy::Uncompress(bytes.data(), bytes.size(), &out));
  return out;
}

std::string Encoded(std::string_view format, const std::string& text) {
  auto encoder = MakeCompressor(format).value()->Make();
  std::vector<FailedRecord> failed;
  EXPECT_TRUE(encoder->Add({Record{.data = text}}, failed).ok());
  return encoder->Finish().value();
}

// Half of it repeats, half of it can't be packed.
std::string Mixed() {
  std::string out;
  while (out.size() < 600'000) out += "the same words again and again; ";
  return out + SecureRandomBytes(600'000);
}

// Written from framing_format.txt; tests/integration reads the same with python-snappy.
TEST(Snappy, FramesHoldTheTextAndItsMaskedChecksum) {
  const std::string text = Mixed();
  std::string object = Encoded("Snappy", text);
  std::string_view left = object;
  ASSERT_EQ(left.substr(0, 10), std::string_view("\xff\x06\x00\x00sNaPpY", 10));
  left.remove_prefix(10);
  std::string out;
  while (!left.empty()) {
    const uint32_t size = Little(left.substr(1, 3));
    const std::string_view body = left.substr(8, size - 4);
    const std::string block = left[0] == 0 ? Unpacked(body) : std::string(body);
    const uint32_t crc = codec::Crc32c(block.data(), block.size());
    EXPECT_EQ(Little(left.substr(4, 4)), (crc >> 15 | crc << 17) + 0xa282ead8U);
    EXPECT_LE(block.size(), 65'536U);
    out += block;
    left.remove_prefix(4 + size);
  }
  EXPECT_EQ(out, text);
}

TEST(Snappy, HadoopsBlocksHaveTheirSizesBeforeThem) {
  const std::string text = Mixed();
  const std::string object = Encoded("HADOOP_SNAPPY", text);
  std::string_view left = object;
  std::string out;
  while (!left.empty()) {
    const std::string block = Unpacked(left.substr(8, Big(left.substr(4, 4))));
    EXPECT_EQ(block.size(), Big(left.substr(0, 4)));
    out += block;
    left.remove_prefix(8 + Big(left.substr(4, 4)));
  }
  EXPECT_EQ(out, text);
}

TEST(Zstd, IsReadByItsOwnLibrary) {
  for (const std::string& text : {std::string(), Mixed()}) {
    const std::string object = Encoded("ZSTD", text);
    std::string out(text.size() + 1, ' ');
    ZSTD_DCtx* context = ZSTD_createDCtx();
    EXPECT_EQ(ZSTD_decompressDCtx(context, out.data(), out.size(), object.data(), object.size()),
              text.size());
    ZSTD_freeDCtx(context);
    EXPECT_EQ(out.substr(0, text.size()), text);
  }
}

}  // namespace
}  // namespace millrace::delivery
