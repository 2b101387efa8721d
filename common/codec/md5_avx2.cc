// Eight messages, one a 32-bit lane: register j holds word j of each.
#if defined(__x86_64__)

#include <immintrin.h>

#include <utility>

#include "common/codec/md5_kernels.h"

#define MILLRACE_AVX2 __attribute__((target("avx2")))
#define MILLRACE_INLINE MILLRACE_AVX2 __attribute__((always_inline)) inline

namespace millrace::codec::internal {

namespace {

constexpr size_t kLanes = 8;

// Vector registers that template code can index; std::array drops their alignment.
template <size_t kCount>
struct Registers {
  __m256i& operator[](size_t i) { return at[i]; }
  const __m256i& operator[](size_t i) const { return at[i]; }
  __m256i at[kCount];
};
using State = Registers<4>;
using Words = Registers<16>;

template <size_t kRound>
MILLRACE_INLINE __m256i Function(__m256i b, __m256i c, __m256i d) {
  if constexpr (kRound < 16) {
    return _mm256_xor_si256(d, _mm256_and_si256(b, _mm256_xor_si256(c, d)));
  } else if constexpr (kRound < 32) {
    return _mm256_xor_si256(c, _mm256_and_si256(d, _mm256_xor_si256(b, c)));
  } else if constexpr (kRound < 48) {
    return _mm256_xor_si256(b, _mm256_xor_si256(c, d));
  } else {
    return _mm256_xor_si256(c, _mm256_or_si256(b, _mm256_xor_si256(d, _mm256_set1_epi32(-1))));
  }
}

// The variables' roles turn by one place a round instead of their values.
template <size_t kRound>
MILLRACE_INLINE void Round(State& s, const Words& words) {
  __m256i& a = s[(64 - kRound) % 4];
  const __m256i b = s[(65 - kRound) % 4];
  __m256i sum = _mm256_add_epi32(words[Md5Word(kRound)],
                                 _mm256_set1_epi32(static_cast<int>(kMd5Rounds[kRound])));
  sum = _mm256_add_epi32(a, sum);
  sum = _mm256_add_epi32(sum, Function<kRound>(b, s[(66 - kRound) % 4], s[(67 - kRound) % 4]));
  constexpr int kBits = Md5Rotation(kRound);
  sum = _mm256_or_si256(_mm256_slli_epi32(sum, kBits), _mm256_srli_epi32(sum, 32 - kBits));
  a = _mm256_add_epi32(b, sum);
}

template <size_t... kRounds>
MILLRACE_INLINE void AllRounds(State& s, const Words& words, std::index_sequence<kRounds...>) {
  (Round<kRounds>(s, words), ...);
}

// Eight rows of eight words each: afterwards rows[j] holds word j of every row.
MILLRACE_INLINE void Transpose(__m256i* rows) {
  __m256i pairs[8];
  for (size_t i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  __m256i quads[8];
  for (size_t k = 0; k < 8; k += 4) {
    quads[k] = _mm256_unpacklo_epi64(pairs[k], pairs[k + 2]);
    quads[k + 1] = _mm256_unpackhi_epi64(pairs[k], pairs[k + 2]);
    quads[k + 2] = _mm256_unpacklo_epi64(pairs[k + 1], pairs[k + 3]);
    quads[k + 3] = _mm256_unpackhi_epi64(pairs[k + 1], pairs[k + 3]);
  }
  for (size_t c = 0; c < 4; ++c) {
    rows[c] = _mm256_permute2x128_si256(quads[c], quads[4 + c], 0x20);
    rows[4 + c] = _mm256_permute2x128_si256(quads[c], quads[4 + c], 0x31);
  }
}

MILLRACE_AVX2 void Compress(uint32_t* const* states, const uint8_t* const* at, size_t lanes,
                            size_t blocks) {
  alignas(32) uint32_t words[4][kLanes];
  std::array<const uint8_t*, kLanes> from;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    // Lanes without a message repeat the first one's work.
    size_t source = lane < lanes ? lane : 0;
    from[lane] = at[source];
    for (size_t j = 0; j < 4; ++j) words[j][lane] = states[source][j];
  }
  State state;
  for (size_t j = 0; j < 4; ++j) {
    state[j] = _mm256_load_si256(reinterpret_cast<const __m256i*>(words[j]));
  }
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    Words w;
    for (size_t lane = 0; lane < kLanes; ++lane) {
      auto* block = reinterpret_cast<const __m256i*>(from[lane] + offset);
      w[lane] = _mm256_loadu_si256(block);
      w[kLanes + lane] = _mm256_loadu_si256(block + 1);
    }
    Transpose(w.at);
    Transpose(w.at + kLanes);
    State before = state;
    AllRounds(state, w, std::make_index_sequence<64>());
    for (size_t j = 0; j < 4; ++j) state[j] = _mm256_add_epi32(state[j], before[j]);
  }
  for (size_t j = 0; j < 4; ++j) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(words[j]), state[j]);
  }
  for (size_t lane = 0; lane < lanes; ++lane) {
    for (size_t j = 0; j < 4; ++j) states[lane][j] = words[j][lane];
  }
}

}  // namespace

const LaneKernel kMd5Avx2{2, kLanes, Compress};

}  // namespace millrace::codec::internal

#endif
