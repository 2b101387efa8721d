#include <array>

#include "common/codec/base64_kernels.h"

namespace millrace::codec::internal {

namespace {

// No sum of shifted sextets reaches this bit, so or-ing four entries shows whether any was none.
constexpr uint32_t kRefused = 0x80000000;

// The letter's contribution to the 24 bits of its group, for each of the four places in it.
constexpr std::array<std::array<uint32_t, 256>, 4> MakePlaces() {
  std::array<std::array<uint32_t, 256>, 4> tables{};
  for (size_t place = 0; place < 4; ++place) {
    for (size_t letter = 0; letter < 256; ++letter) {
      tables[place][letter] = kBase64Sextets[letter] == kNoSextet
                                  ? kRefused
                                  : static_cast<uint32_t>(kBase64Sextets[letter])
                                        << (18 - 6 * place);
    }
  }
  return tables;
}
constexpr std::array<std::array<uint32_t, 256>, 4> kPlaces = MakePlaces();

size_t Encode(const uint8_t* data, size_t size, char* out) {
  size_t at = 0;
  for (; size - at >= 3; at += 3, out += 4) {
    uint32_t group = static_cast<uint32_t>(data[at]) << 16 |
                     static_cast<uint32_t>(data[at + 1]) << 8 | data[at + 2];
    out[0] = kBase64Alphabet[group >> 18];
    out[1] = kBase64Alphabet[group >> 12 & 63];
    out[2] = kBase64Alphabet[group >> 6 & 63];
    out[3] = kBase64Alphabet[group & 63];
  }
  return at;
}

size_t Decode(const char* text, size_t size, uint8_t* out) {
  auto letter = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  size_t at = 0;
  for (; size - at >= 4; at += 4, out += 3) {
    uint32_t group = kPlaces[0][letter(at)] | kPlaces[1][letter(at + 1)] |
                     kPlaces[2][letter(at + 2)] | kPlaces[3][letter(at + 3)];
    if ((group & kRefused) != 0) break;
    out[0] = static_cast<uint8_t>(group >> 16);
    out[1] = static_cast<uint8_t>(group >> 8);
    out[2] = static_cast<uint8_t>(group);
  }
  return at;
}

size_t Letters(const char* text, size_t size) {
  size_t at = 0;
  while (at < size && SextetOf(text[at]) != kNoSextet) ++at;
  return at;
}

}  // namespace

const Base64Kernel kBase64Portable{Encode, Decode, Letters};

}  // namespace millrace::codec::internal
