// Sixteen messages, one a 32-bit lane: register j holds word j of each.
#if defined(__x86_64__)

#include <utility>

#include "common/codec/sha256_kernels.h"
#include "common/codec/transpose_avx512.h"

#define MILLRACE_INLINE MILLRACE_AVX512 __attribute__((always_inline)) inline

namespace millrace::codec::internal {

namespace {

using State = Registers512<8>;

constexpr int kXor3 = 0x96;
constexpr int kChoose = 0xCA;    // a ? b : c
constexpr int kMajority = 0xE8;  // of a, b, c

MILLRACE_INLINE __m512i BigSigma0(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13),
                                   _mm512_ror_epi32(x, 22), kXor3);
}
MILLRACE_INLINE __m512i BigSigma1(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11),
                                   _mm512_ror_epi32(x, 25), kXor3);
}
MILLRACE_INLINE __m512i SmallSigma0(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18),
                                   _mm512_srli_epi32(x, 3), kXor3);
}
MILLRACE_INLINE __m512i SmallSigma1(__m512i x) {
  return _mm512_ternarylogic_epi32(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19),
                                   _mm512_srli_epi32(x, 10), kXor3);
}

// Round kRound; the variables' roles turn by one place a round instead of their values.
template <size_t kRound>
MILLRACE_INLINE void Round(State& s, Rows512& w) {
  constexpr size_t kTurn = 64 - kRound;
  __m512i& d = s[(kTurn + 3) % 8];
  __m512i& h = s[(kTurn + 7) % 8];
  const __m512i a = s[kTurn % 8];
  const __m512i b = s[(kTurn + 1) % 8];
  const __m512i c = s[(kTurn + 2) % 8];
  const __m512i e = s[(kTurn + 4) % 8];
  const __m512i f = s[(kTurn + 5) % 8];
  const __m512i g = s[(kTurn + 6) % 8];
  __m512i& word = w[kRound % 16];
  if constexpr (kRound >= 16) {
    __m512i sum = _mm512_add_epi32(word, w[(kRound + 9) % 16]);
    word = _mm512_add_epi32(sum, _mm512_add_epi32(SmallSigma0(w[(kRound + 1) % 16]),
                                                  SmallSigma1(w[(kRound + 14) % 16])));
  }
  __m512i input =
      _mm512_add_epi32(word, _mm512_set1_epi32(static_cast<int>(kSha256Rounds[kRound])));
  __m512i sum =
      _mm512_add_epi32(_mm512_add_epi32(h, input), _mm512_ternarylogic_epi32(e, f, g, kChoose));
  sum = _mm512_add_epi32(sum, BigSigma1(e));
  d = _mm512_add_epi32(d, sum);
  h = _mm512_add_epi32(
      sum, _mm512_add_epi32(BigSigma0(a), _mm512_ternarylogic_epi32(a, b, c, kMajority)));
}

template <size_t... kRounds>
MILLRACE_INLINE void AllRounds(State& s, Rows512& w, std::index_sequence<kRounds...>) {
  (Round<kRounds>(s, w), ...);
}

MILLRACE_AVX512 void Compress(uint32_t* const* states, const uint8_t* const* at, size_t lanes,
                              size_t blocks) {
  alignas(64) uint32_t words[8][16];
  std::array<const uint8_t*, 16> from;
  for (size_t lane = 0; lane < 16; ++lane) {
    // Lanes without a message repeat the first one's work.
    size_t source = lane < lanes ? lane : 0;
    from[lane] = at[source];
    for (size_t j = 0; j < 8; ++j) words[j][lane] = states[source][j];
  }
  State state;
  for (size_t j = 0; j < 8; ++j) state[j] = _mm512_load_si512(words[j]);
  const __m512i big_endian =
      _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    Rows512 w;
    for (size_t lane = 0; lane < 16; ++lane) {
      w[lane] = _mm512_shuffle_epi8(_mm512_loadu_si512(from[lane] + offset), big_endian);
    }
    Transpose(w);
    State before = state;
    AllRounds(state, w, std::make_index_sequence<64>());
    for (size_t j = 0; j < 8; ++j) state[j] = _mm512_add_epi32(state[j], before[j]);
  }
  for (size_t j = 0; j < 8; ++j) _mm512_store_si512(words[j], state[j]);
  for (size_t lane = 0; lane < lanes; ++lane) {
    for (size_t j = 0; j < 8; ++j) states[lane][j] = words[j][lane];
  }
}

}  // namespace

// As measured: sixteen lanes take as long as 13 one after another by four-lane SHA-NI on Zen 5, as
// 9 by two-lane SHA-NI on Sapphire Rapids, as 3 by OpenSSL without SHA-NI.
const LaneKernel kSha256Avx512BesideShaNi{14, 16, Compress};
const LaneKernel kSha256Avx512BesideShaNiIntel{10, 16, Compress};
const LaneKernel kSha256Avx512Alone{3, 16, Compress};

}  // namespace millrace::codec::internal

#endif
