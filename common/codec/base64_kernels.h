#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/codec/variant.h"

namespace millrace::codec::internal {

inline constexpr char kBase64Alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// The inner loops of base64, one pair an instruction set. They do whole groups only (3 bytes, 4
// chars) and leave the rest, padding and every decision that text is not base64 to one scalar end
// (base64.cc), so that no variant can accept what another refuses. Pure.
struct Base64Kernel {
  // Encodes a prefix of `data`, a multiple of 3; returns its size. Writes 4 chars for each 3 bytes
  // and nothing past them; reads nothing past data + size.
  size_t (*encode)(const uint8_t* data, size_t size, char* out);
  // Decodes a prefix of `text`, a multiple of 4, all of it letters of the alphabet (so it stops at
  // padding); returns its size. Writes 3 bytes for each 4 chars and nothing past them.
  size_t (*decode)(const char* text, size_t size, uint8_t* out);
  // How many letters of the alphabet `text` begins with.
  size_t (*letters)(const char* text, size_t size);
};

extern const Base64Kernel kBase64Portable;
#if defined(__x86_64__)
extern const Base64Kernel kBase64Avx2;
extern const Base64Kernel kBase64Avx512;
#endif

inline constexpr uint8_t kNoSextet = 0xFF;
constexpr std::array<uint8_t, 256> MakeBase64Sextets() {
  std::array<uint8_t, 256> table{};
  table.fill(kNoSextet);
  for (uint8_t i = 0; i < 64; ++i) table[static_cast<uint8_t>(kBase64Alphabet[i])] = i;
  return table;
}
inline constexpr std::array<uint8_t, 256> kBase64Sextets = MakeBase64Sextets();

// Six bits of a letter of the alphabet; kNoSextet for any other byte.
inline uint8_t SextetOf(char letter) { return kBase64Sextets[static_cast<uint8_t>(letter)]; }

}  // namespace millrace::codec::internal
