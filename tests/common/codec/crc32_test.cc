#include "common/codec/crc32.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "tests/common/codec/variants.h"

namespace millrace::codec {
namespace {

// Bit by bit, from the definition.
uint32_t SlowCrc(uint32_t reversed_polynomial, std::string_view bytes) {
  uint32_t state = ~0U;
  for (char byte : bytes) {
    state ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      state = (state & 1) != 0 ? state >> 1 ^ reversed_polynomial : state >> 1;
    }
  }
  return ~state;
}
uint32_t SlowCrc32c(std::string_view bytes) { return SlowCrc(0x82F63B78, bytes); }
uint32_t SlowCrc32Ieee(std::string_view bytes) { return SlowCrc(0xEDB88320, bytes); }

TEST(Crc32, KnownAnswers) {
  EXPECT_EQ(Crc32c("", 0), 0U);
  EXPECT_EQ(Crc32Ieee("", 0), 0U);
  EXPECT_EQ(Crc32c(nullptr, 0, 5), 5U);
  EXPECT_EQ(Crc32Ieee(nullptr, 0, 5), 5U);
  EXPECT_EQ(Crc32c("123456789", 9), 0xE3069283U);
  EXPECT_EQ(Crc32Ieee("123456789", 9), 0xCBF43926U);
  // RFC 3720, B.4.
  std::string bytes(32, '\0');
  EXPECT_EQ(Crc32c(bytes.data(), bytes.size()), 0x8A9136AAU);
  bytes.assign(32, '\xFF');
  EXPECT_EQ(Crc32c(bytes.data(), bytes.size()), 0x62A8AB43U);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
  EXPECT_EQ(Crc32c(bytes.data(), bytes.size()), 0x46DD794EU);
}

TEST(Crc32, AgreesWithTheDefinitionAtEveryShortLength) {
  std::mt19937_64 random(1);
  for (size_t size = 0; size <= 300; ++size) {
    std::string bytes = RandomBytes(random, size);
    EXPECT_EQ(Crc32c(bytes.data(), size), SlowCrc32c(bytes)) << size;
    EXPECT_EQ(Crc32Ieee(bytes.data(), size), SlowCrc32Ieee(bytes)) << size;
  }
}

TEST(Crc32, ContinuesFromAnyPlace) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 200; ++i) {
    std::string bytes = RandomBytes(random, random() % 20'000);
    size_t cut = bytes.empty() ? 0 : random() % bytes.size();
    const char* rest = bytes.data() + cut;
    EXPECT_EQ(Crc32c(rest, bytes.size() - cut, Crc32c(bytes.data(), cut)),
              Crc32c(bytes.data(), bytes.size()));
    EXPECT_EQ(Crc32Ieee(rest, bytes.size() - cut, Crc32Ieee(bytes.data(), cut)),
              Crc32Ieee(bytes.data(), bytes.size()));
  }
  std::string large = RandomBytes(random, 300'000);
  EXPECT_EQ(Crc32c(large.data(), large.size()), SlowCrc32c(large));
  EXPECT_EQ(Crc32Ieee(large.data(), large.size()), SlowCrc32Ieee(large));
}

TEST(Crc32, OfTwoPartsIsThatOfTheWhole) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = RandomBytes(random, random() % (i < 100 ? 300 : 200'000));
    size_t cut = bytes.empty() ? 0 : random() % (bytes.size() + 1);
    const size_t rest = bytes.size() - cut;
    EXPECT_EQ(Crc32cCombine(Crc32c(bytes.data(), cut), Crc32c(bytes.data() + cut, rest), rest),
              Crc32c(bytes.data(), bytes.size()))
        << cut << " of " << bytes.size();
  }
  std::string large(40'000'000, 'x');
  EXPECT_EQ(Crc32cCombine(7, Crc32c(large.data(), large.size()), large.size()),
            Crc32c(large.data(), large.size(), 7));
}

}  // namespace
}  // namespace millrace::codec
