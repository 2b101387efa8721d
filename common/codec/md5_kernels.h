#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/codec/digest.h"
#include "common/codec/lanes.h"

namespace millrace::codec::internal {

inline constexpr std::array<uint32_t, 4> kMd5Initial = {0x67452301, 0xefcdab89, 0x98badcfe,
                                                        0x10325476};

inline constexpr std::array<uint32_t, 64> kMd5Rounds = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

// The word of the block that round `round` adds, and the bits it rotates by.
constexpr size_t Md5Word(size_t round) {
  constexpr std::array<size_t, 4> kFactor = {1, 5, 3, 7};
  constexpr std::array<size_t, 4> kStart = {0, 1, 5, 0};
  return (kFactor[round / 16] * round + kStart[round / 16]) % 16;
}
constexpr int Md5Rotation(size_t round) {
  constexpr std::array<std::array<int, 4>, 4> kBits = {
      {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};
  return kBits[round / 16][round % 4];
}

// The longest message that fits one block with its padding.
inline constexpr size_t kMd5OneBlockMax = 55;
// Up to 16 messages of at most kMd5OneBlockMax bytes each. Needs Variant::kAvx512.
void Md5OneBlockAvx512(std::span<const std::string_view* const> messages,
                       std::span<Md5Digest* const> digests);

extern const LaneKernel kMd5Portable;  // OpenSSL, one lane
#if defined(__x86_64__)
extern const LaneKernel kMd5Avx2;    // up to 8 lanes
extern const LaneKernel kMd5Avx512;  // up to 16 lanes
#endif

}  // namespace millrace::codec::internal
