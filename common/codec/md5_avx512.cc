// Sixteen messages, one a 32-bit lane: register j holds word j of each.
#if defined(__x86_64__)

#include <utility>

#include "common/codec/md5_kernels.h"
#include "common/codec/transpose_avx512.h"

#define MILLRACE_INLINE MILLRACE_AVX512 __attribute__((always_inline)) inline

namespace millrace::codec::internal {

namespace {

using State = Registers512<4>;

// The truth tables of F, G, H and I over b, c and d.
constexpr std::array<int, 4> kFunctions = {0xCA, 0xE4, 0x96, 0x39};

// The variables' roles turn by one place a round instead of their values.
template <size_t kRound>
MILLRACE_INLINE void Round(State& s, const Rows512& words) {
  __m512i& a = s[(64 - kRound) % 4];
  const __m512i b = s[(65 - kRound) % 4];
  const __m512i c = s[(66 - kRound) % 4];
  const __m512i d = s[(67 - kRound) % 4];
  // First what doesn't wait for the round before.
  __m512i sum = _mm512_add_epi32(words[Md5Word(kRound)],
                                 _mm512_set1_epi32(static_cast<int>(kMd5Rounds[kRound])));
  sum = _mm512_add_epi32(a, sum);
  sum = _mm512_add_epi32(sum, _mm512_ternarylogic_epi32(b, c, d, kFunctions[kRound / 16]));
  a = _mm512_add_epi32(b, _mm512_rol_epi32(sum, Md5Rotation(kRound)));
}

template <size_t... kRounds>
MILLRACE_INLINE void AllRounds(State& s, const Rows512& words, std::index_sequence<kRounds...>) {
  (Round<kRounds>(s, words), ...);
}

MILLRACE_INLINE void CompressBlock(State& state, const Rows512& words) {
  State before = state;
  AllRounds(state, words, std::make_index_sequence<64>());
  for (size_t j = 0; j < 4; ++j) state[j] = _mm512_add_epi32(state[j], before[j]);
}

MILLRACE_AVX512 void Compress(uint32_t* const* states, const uint8_t* const* at, size_t lanes,
                              size_t blocks) {
  alignas(64) uint32_t words[4][16];
  std::array<const uint8_t*, 16> from;
  for (size_t lane = 0; lane < 16; ++lane) {
    // Lanes without a message repeat the first one's work.
    size_t source = lane < lanes ? lane : 0;
    from[lane] = at[source];
    for (size_t j = 0; j < 4; ++j) words[j][lane] = states[source][j];
  }
  State state;
  for (size_t j = 0; j < 4; ++j) state[j] = _mm512_load_si512(words[j]);
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    Rows512 rows;
    for (size_t lane = 0; lane < 16; ++lane) rows[lane] = _mm512_loadu_si512(from[lane] + offset);
    Transpose(rows);
    CompressBlock(state, rows);
  }
  for (size_t j = 0; j < 4; ++j) _mm512_store_si512(words[j], state[j]);
  for (size_t lane = 0; lane < lanes; ++lane) {
    for (size_t j = 0; j < 4; ++j) states[lane][j] = words[j][lane];
  }
}

// The message with its padding, made in the register: masked loads touch no byte that is masked.
MILLRACE_INLINE __m512i PaddedBlock(std::string_view message) {
  __mmask64 whole = _bzhi_u64(~uint64_t{0}, message.size());
  __m512i block = _mm512_maskz_loadu_epi8(whole, message.data());
  block = _mm512_mask_blend_epi8(uint64_t{1} << message.size(), block,
                                 _mm512_set1_epi8(static_cast<char>(0x80)));
  constexpr __mmask16 kBitCount = 1 << 14;
  return _mm512_mask_mov_epi32(block, kBitCount,
                               _mm512_set1_epi32(static_cast<int>(message.size() * 8)));
}

}  // namespace

MILLRACE_AVX512 void Md5OneBlockAvx512(std::span<const std::string_view* const> messages,
                                       std::span<Md5Digest* const> digests) {
  Rows512 rows;
  for (size_t lane = 0; lane < 16; ++lane) {
    rows[lane] = PaddedBlock(*messages[lane < messages.size() ? lane : 0]);
  }
  Transpose(rows);
  State state;
  for (size_t j = 0; j < 4; ++j) state[j] = _mm512_set1_epi32(static_cast<int>(kMd5Initial[j]));
  CompressBlock(state, rows);
  // Back from a register a word to 16 bytes a message: lane p of quads[i] is message 4 * p + i.
  __m512i low_01 = _mm512_unpacklo_epi32(state[0], state[1]);
  __m512i high_01 = _mm512_unpackhi_epi32(state[0], state[1]);
  __m512i low_23 = _mm512_unpacklo_epi32(state[2], state[3]);
  __m512i high_23 = _mm512_unpackhi_epi32(state[2], state[3]);
  alignas(64) std::array<std::array<Md5Digest, 4>, 4> quads;
  _mm512_store_si512(quads[0].data(), _mm512_unpacklo_epi64(low_01, low_23));
  _mm512_store_si512(quads[1].data(), _mm512_unpackhi_epi64(low_01, low_23));
  _mm512_store_si512(quads[2].data(), _mm512_unpacklo_epi64(high_01, high_23));
  _mm512_store_si512(quads[3].data(), _mm512_unpackhi_epi64(high_01, high_23));
  for (size_t i = 0; i < digests.size(); ++i) *digests[i] = quads[i % 4][i / 4];
}

const LaneKernel kMd5Avx512{2, 16, Compress};

}  // namespace millrace::codec::internal

#endif
