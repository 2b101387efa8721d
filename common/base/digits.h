#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace millrace {

// Decimal digits of a fixed number of places, for numbers that are written by the thousand, as
// sequence numbers are. Pure but for `out`.

inline void WriteTwoDigits(uint64_t value, char* out) {
  out[0] = static_cast<char>('0' + value / 10);
  out[1] = static_cast<char>('0' + value % 10);
}

// All eight at once in one register: first the two halves of four digits, then their pairs, then
// the digits, lowest byte first.
inline void WriteEightDigits(uint64_t value, char* out) {
  const uint64_t halves = value / 10'000 | (value % 10'000) << 32;
  const uint64_t hundreds = (halves * 10'486 >> 20) & 0x0000'007f'0000'007f;
  const uint64_t pairs = hundreds | (halves - 100 * hundreds) << 16;
  const uint64_t tens = (pairs * 103 >> 10) & 0x000f'000f'000f'000f;
  const uint64_t digits = (tens | (pairs - 10 * tens) << 8) + 0x3030'3030'3030'3030;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(out, &digits, sizeof digits);
}

}  // namespace millrace
