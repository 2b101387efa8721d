// Bytes behind a message multiply its CRC by a power of x, modulo the polynomial: what the CRCs of
// two parts need to become that of the whole. Numbers are polynomials with x^0 in the highest bit.
#include <array>
#include <bit>
#include <cstring>

#include "common/codec/crc32.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace::codec {

namespace {

constexpr uint32_t kPolynomial = 0x82F63B78;
constexpr uint32_t kOne = 0x80000000;

constexpr uint32_t TimesX(uint32_t a) { return (a & 1) != 0 ? a >> 1 ^ kPolynomial : a >> 1; }
constexpr uint32_t OverX(uint32_t a) {
  return (a & kOne) != 0 ? (a ^ kPolynomial) << 1 | 1 : a << 1;
}

constexpr uint32_t Times(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (uint32_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = TimesX(b);
  }
  return product;
}

// What the multiplication below leaves on top of its product: 32 for the reduction, one since two
// numbers of 32 bits have a product of 63.
constexpr int kExtraPower = 33;

// power[k][i] is x^(8 * i * 256^k - kExtraPower).
struct Powers {
  std::array<std::array<uint32_t, 256>, 3> power{};
  constexpr Powers() {
    uint32_t unit = kOne;
    for (int i = 0; i < kExtraPower; ++i) unit = OverX(unit);
    uint32_t step = kOne;
    for (int i = 0; i < 8; ++i) step = TimesX(step);
    for (auto& row : power) {
      uint32_t plain = kOne;  // step^i
      for (uint32_t& entry : row) {
        entry = Times(plain, unit);
        plain = Times(plain, step);
      }
      step = plain;
    }
  }
};
constexpr Powers kPowers;

// a * b * x^kExtraPower.
uint32_t MultiplyPortable(uint32_t a, uint32_t b) {
  uint64_t product = 0;
  for (int i = 0; i < 32; ++i) product ^= (a >> i & 1) != 0 ? uint64_t{b} << i : 0;
  static_assert(std::endian::native == std::endian::little);
  // The CRC of eight bytes, but for its complements, is what they leave times x^32.
  return ~Crc32c(&product, sizeof product, ~0U);
}

#if defined(__x86_64__)
__attribute__((target("pclmul,sse4.2"))) uint32_t MultiplySse(uint32_t a, uint32_t b) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(a)),
                                               _mm_cvtsi32_si128(static_cast<int>(b)), 0);
  return static_cast<uint32_t>(_mm_crc32_u64(0, static_cast<uint64_t>(_mm_cvtsi128_si64(product))));
}
const bool kHasSse = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.2");
#endif

uint32_t Multiply(uint32_t a, uint32_t b) {
#if defined(__x86_64__)
  if (kHasSse) return MultiplySse(a, b);
#endif
  return MultiplyPortable(a, b);
}

}  // namespace

uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_size) {
  constexpr size_t kTopStep = size_t{1} << 16;
  for (; second_size >= kTopStep << 8; second_size -= kTopStep * 255) {
    first = Multiply(first, kPowers.power[2][255]);
  }
  for (size_t i = 0; i < kPowers.power.size(); ++i) {
    const size_t digit = second_size >> 8 * i & 255;
    if (digit != 0) first = Multiply(first, kPowers.power[i][digit]);
  }
  return first ^ second;
}

}  // namespace millrace::codec
