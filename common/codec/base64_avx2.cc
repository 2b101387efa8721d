// The methods of W. Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2
// Instructions" (2018).
#if defined(__x86_64__)

#include <immintrin.h>

#include "common/codec/base64_kernels.h"

#define MILLRACE_AVX2 __attribute__((target("avx2")))

namespace millrace::codec::internal {

namespace {

// 24 bytes, 12 in each half, to 32 sextets in the order of the text.
MILLRACE_AVX2 __m256i SplitSextets(__m256i bytes) {
  const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10,  //
                                          1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  bytes = _mm256_shuffle_epi8(bytes, spread);
  __m256i ac = _mm256_mulhi_epu16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x0fc0fc00)),
                                  _mm256_set1_epi32(0x04000040));
  __m256i bd = _mm256_mullo_epi16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x003f03f0)),
                                  _mm256_set1_epi32(0x01000010));
  return _mm256_or_si256(ac, bd);
}

// The distance from a sextet to its letter is constant in five ranges; the range indexes a table.
MILLRACE_AVX2 __m256i Letters(__m256i sextets) {
  const __m256i distances =
      _mm256_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                       '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0,  //
                       'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                       '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
  __m256i range = _mm256_subs_epu8(sextets, _mm256_set1_epi8(51));
  __m256i upper_case = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), sextets);
  range = _mm256_or_si256(range, _mm256_and_si256(upper_case, _mm256_set1_epi8(13)));
  return _mm256_add_epi8(sextets, _mm256_shuffle_epi8(distances, range));
}

MILLRACE_AVX2 size_t Encode(const uint8_t* data, size_t size, char* out) {
  size_t at = 0;
  // The second half's load takes 16 bytes from the 12th on, 4 more than it encodes.
  for (; size - at >= 28; at += 24, out += 32) {
    __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at));
    __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + at + 12));
    __m256i text = Letters(SplitSextets(_mm256_set_m128i(high, low)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), text);
  }
  return at;
}

// A byte that is not zero for each char that is no letter. The high nibble of a char gives the set
// it may belong to as bits, the low nibble the sets it does not; a common bit means no letter.
MILLRACE_AVX2 __m256i NoLetters(__m256i text, __m256i high) {
  const __m256i low_sets =
      _mm256_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1A, 0x1B,
                       0x1B, 0x1B, 0x1A, 0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
                       0x13, 0x1A, 0x1B, 0x1B, 0x1B, 0x1A);
  const __m256i high_sets =
      _mm256_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10,
                       0x10, 0x10, 0x10, 0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10,
                       0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
  __m256i low = _mm256_and_si256(text, _mm256_set1_epi8(0x2f));
  return _mm256_and_si256(_mm256_shuffle_epi8(low_sets, low), _mm256_shuffle_epi8(high_sets, high));
}

// The mask also keeps a bit of the neighbour, which shuffles don't look at.
MILLRACE_AVX2 __m256i HighNibbles(__m256i text) {
  return _mm256_and_si256(_mm256_srli_epi32(text, 4), _mm256_set1_epi8(0x2f));
}

// 32 letters to sextets; false where one is no letter.
MILLRACE_AVX2 bool Sextets(__m256i& text) {
  const __m256i distances =
      _mm256_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0,  //
                       0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
  __m256i high = HighNibbles(text);
  __m256i wrong = NoLetters(text, high);
  if (_mm256_testz_si256(wrong, wrong) == 0) return false;
  // '/' shares its high nibble with '+' and alone needs another distance.
  __m256i slash = _mm256_cmpeq_epi8(text, _mm256_set1_epi8('/'));
  __m256i distance = _mm256_shuffle_epi8(distances, _mm256_add_epi8(slash, high));
  text = _mm256_add_epi8(text, distance);
  return true;
}

// 32 sextets to 24 bytes at the low end.
MILLRACE_AVX2 __m256i JoinSextets(__m256i sextets) {
  __m256i pairs = _mm256_maddubs_epi16(sextets, _mm256_set1_epi32(0x01400140));
  __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
  const __m256i big_endian =
      _mm256_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1, 0, 6, 5, 4, 10,
                       9, 8, 14, 13, 12, -1, -1, -1, -1);
  groups = _mm256_shuffle_epi8(groups, big_endian);
  return _mm256_permutevar8x32_epi32(groups, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, -1, -1));
}

MILLRACE_AVX2 size_t Decode(const char* text, size_t size, uint8_t* out) {
  size_t at = 0;
  for (; size - at >= 32; at += 32, out += 24) {
    __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at));
    if (!Sextets(block)) break;
    __m256i bytes = JoinSextets(block);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(bytes));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 16), _mm256_extracti128_si256(bytes, 1));
  }
  return at;
}

MILLRACE_AVX2 size_t CountLetters(const char* text, size_t size) {
  size_t at = 0;
  for (; size - at >= 32; at += 32) {
    __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + at));
    __m256i wrong = NoLetters(block, HighNibbles(block));
    __m256i letters = _mm256_cmpeq_epi8(wrong, _mm256_setzero_si256());
    auto mask = static_cast<uint32_t>(_mm256_movemask_epi8(letters));
    if (mask != 0xFFFFFFFF) return at + static_cast<size_t>(__builtin_ctz(~mask));
  }
  return at + kBase64Portable.letters(text + at, size - at);
}

}  // namespace

const Base64Kernel kBase64Avx2{Encode, Decode, CountLetters};

}  // namespace millrace::codec::internal

#endif
