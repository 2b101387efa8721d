#pragma once

#include "common/codec/avx512.h"

#if defined(__x86_64__)

#include <cstddef>

namespace millrace::codec::internal {

// Vector registers that template code can index; std::array drops their alignment.
template <size_t kCount>
struct Registers512 {
  __m512i& operator[](size_t i) { return at[i]; }
  const __m512i& operator[](size_t i) const { return at[i]; }
  __m512i at[kCount];
};
using Rows512 = Registers512<16>;

// rows[i] holds 16 words of message i; afterwards rows[j] holds word j of 16 messages.
MILLRACE_AVX512 __attribute__((always_inline)) inline void Transpose(Rows512& rows) {
  Rows512 pairs;
  for (size_t i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  // quads[4 * k + c]: in each 128-bit part p the word 4 * p + c of messages 4 * k to 4 * k + 3.
  Rows512 quads;
  for (size_t k = 0; k < 16; k += 4) {
    quads[k] = _mm512_unpacklo_epi64(pairs[k], pairs[k + 2]);
    quads[k + 1] = _mm512_unpackhi_epi64(pairs[k], pairs[k + 2]);
    quads[k + 2] = _mm512_unpacklo_epi64(pairs[k + 1], pairs[k + 3]);
    quads[k + 3] = _mm512_unpackhi_epi64(pairs[k + 1], pairs[k + 3]);
  }
  for (size_t c = 0; c < 4; ++c) {
    __m512i low_01 = _mm512_shuffle_i32x4(quads[c], quads[4 + c], 0x44);
    __m512i high_01 = _mm512_shuffle_i32x4(quads[c], quads[4 + c], 0xEE);
    __m512i low_23 = _mm512_shuffle_i32x4(quads[8 + c], quads[12 + c], 0x44);
    __m512i high_23 = _mm512_shuffle_i32x4(quads[8 + c], quads[12 + c], 0xEE);
    rows[c] = _mm512_shuffle_i32x4(low_01, low_23, 0x88);
    rows[4 + c] = _mm512_shuffle_i32x4(low_01, low_23, 0xDD);
    rows[8 + c] = _mm512_shuffle_i32x4(high_01, high_23, 0x88);
    rows[12 + c] = _mm512_shuffle_i32x4(high_01, high_23, 0xDD);
  }
}

}  // namespace millrace::codec::internal

#endif
