// The methods of W. Mula and D. Lemire, "Base64 encoding and decoding at almost the speed of a
// memory copy" (2019), with masked loads and stores for the end.
#if defined(__x86_64__)

#include <array>

#include "common/codec/avx512.h"
#include "common/codec/base64_kernels.h"

namespace millrace::codec::internal {

namespace {

constexpr size_t kBytes = 48;
constexpr size_t kChars = 64;
// Marks what is no letter in the table; as an ASCII byte it cannot come from the text by itself.
constexpr uint8_t kNoLetter = 0x80;

struct Tables {
  alignas(64) std::array<uint8_t, 128> sextets{};
  // Each group's bytes as 2 1 3 2, so that four shifts of one 32-bit word give its sextets.
  alignas(64) std::array<uint8_t, 64> spread{};
  // The three bytes of each 32-bit word, high first, side by side.
  alignas(64) std::array<uint8_t, 64> pack{};
  alignas(64) std::array<uint8_t, 64> letters{};
};

constexpr Tables MakeTables() {
  Tables tables;
  tables.sextets.fill(kNoLetter);
  for (uint8_t i = 0; i < 64; ++i) {
    tables.sextets[static_cast<uint8_t>(kBase64Alphabet[i])] = i;
    tables.letters[i] = static_cast<uint8_t>(kBase64Alphabet[i]);
  }
  for (uint8_t group = 0; group < 16; ++group) {
    constexpr std::array<uint8_t, 4> kOrder{1, 0, 2, 1};
    for (uint8_t i = 0; i < 4; ++i) {
      tables.spread[group * 4U + i] = static_cast<uint8_t>(group * 3 + kOrder[i]);
    }
    for (uint8_t i = 0; i < 3; ++i) {
      tables.pack[group * 3U + i] = static_cast<uint8_t>(group * 4 + 2 - i);
    }
  }
  return tables;
}
constexpr Tables kTables = MakeTables();

MILLRACE_AVX512 inline __mmask64 First(size_t count) { return _bzhi_u64(~uint64_t{0}, count); }

MILLRACE_AVX512 inline __m512i EncodeBlock(__m512i bytes) {
  __m512i spread = _mm512_permutexvar_epi8(_mm512_load_si512(kTables.spread.data()), bytes);
  // Of each 64-bit word the shifts 10, 4, 22, 16 for its first group and 32 more for its second.
  const __m512i shifts = _mm512_set1_epi64(0x3036242a1016040a);
  // permutexvar looks at the low six bits of an index only, which are the sextet.
  return _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(shifts, spread),
                                 _mm512_load_si512(kTables.letters.data()));
}

MILLRACE_AVX512 size_t Encode(const uint8_t* data, size_t size, char* out) {
  size_t at = 0;
  for (; size - at >= kChars; at += kBytes, out += kChars) {
    _mm512_storeu_si512(out, EncodeBlock(_mm512_loadu_si512(data + at)));
  }
  while (size - at >= 3) {
    size_t groups = (size - at < kBytes ? size - at : kBytes) / 3;
    __m512i bytes = _mm512_maskz_loadu_epi8(First(groups * 3), data + at);
    _mm512_mask_storeu_epi8(out, First(groups * 4), EncodeBlock(bytes));
    at += groups * 3;
    out += groups * 4;
  }
  return at;
}

MILLRACE_AVX512 inline __m512i SextetsOf(__m512i text) {
  return _mm512_permutex2var_epi8(_mm512_load_si512(kTables.sextets.data()), text,
                                  _mm512_load_si512(kTables.sextets.data() + 64));
}

// The chars that are no letters. The high bit is set in a table entry of one, and in a char that is
// not ASCII, for which the table is not asked.
MILLRACE_AVX512 inline __mmask64 NoLetters(__m512i text, __m512i sextets) {
  return _mm512_movepi8_mask(_mm512_or_si512(sextets, text));
}

// 64 sextets to 48 bytes at the low end.
MILLRACE_AVX512 inline __m512i Join(__m512i sextets) {
  __m512i pairs = _mm512_maddubs_epi16(sextets, _mm512_set1_epi32(0x01400140));
  __m512i groups = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00011000));
  return _mm512_permutexvar_epi8(_mm512_load_si512(kTables.pack.data()), groups);
}

MILLRACE_AVX512 size_t Decode(const char* text, size_t size, uint8_t* out) {
  const __mmask64 kStored = First(kBytes);
  size_t at = 0;
  for (; size - at >= kChars; at += kChars, out += kBytes) {
    __m512i block = _mm512_loadu_si512(text + at);
    __m512i sextets = SextetsOf(block);
    if (NoLetters(block, sextets) != 0) return at;
    _mm512_mask_storeu_epi8(out, kStored, Join(sextets));
  }
  size_t left = (size - at) / 4 * 4;
  if (left != 0) {
    __mmask64 here = First(left);
    __m512i block = _mm512_mask_loadu_epi8(_mm512_set1_epi8('A'), here, text + at);
    __m512i sextets = SextetsOf(block);
    if (NoLetters(block, sextets) != 0) return at;
    _mm512_mask_storeu_epi8(out, First(left / 4 * 3), Join(sextets));
    at += left;
  }
  return at;
}

MILLRACE_AVX512 size_t CountLetters(const char* text, size_t size) {
  size_t at = 0;
  // Two at a time: the test costs as much as the look-up.
  for (; size - at >= 2 * kChars; at += 2 * kChars) {
    __m512i first = _mm512_loadu_si512(text + at);
    __m512i second = _mm512_loadu_si512(text + at + kChars);
    __m512i either = _mm512_or_si512(_mm512_or_si512(first, SextetsOf(first)),
                                     _mm512_or_si512(second, SextetsOf(second)));
    if (_mm512_movepi8_mask(either) != 0) break;
  }
  while (at < size) {
    size_t left = size - at < kChars ? size - at : kChars;
    // Zeros past the end are no letters.
    __m512i block = _mm512_maskz_loadu_epi8(First(left), text + at);
    __mmask64 wrong = NoLetters(block, SextetsOf(block));
    if (wrong != 0) return at + static_cast<size_t>(_tzcnt_u64(wrong));
    at += kChars;
  }
  return at < size ? at : size;
}

}  // namespace

const Base64Kernel kBase64Avx512{Encode, Decode, CountLetters};

}  // namespace millrace::codec::internal

#endif
