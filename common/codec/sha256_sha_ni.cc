// A message's rounds are one chain of dependent instructions that leaves the SHA unit idle half of
// the time; up to four messages at once fill it.
#if defined(__x86_64__)

#include <immintrin.h>

#include <utility>

#include "common/codec/sha256_kernels.h"

#define MILLRACE_SHA_NI __attribute__((target("sha,sse4.1"), always_inline)) inline

namespace millrace::codec::internal {

namespace {

// The lanes' registers: state as the instructions want it, and the last 16 schedule words.
template <size_t kLanes>
struct Registers {
  __m128i abef[kLanes];
  __m128i cdgh[kLanes];
  __m128i words[4][kLanes];
};

// Rounds 4 * kStep to 4 * kStep + 3 of every lane.
template <size_t kStep, size_t kLanes>
MILLRACE_SHA_NI void FourRounds(Registers<kLanes>& r) {
  const __m128i constants =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(&kSha256Rounds[kStep * 4]));
  auto& now = r.words[kStep % 4];
  auto& previous = r.words[(kStep + 3) % 4];
  auto& next = r.words[(kStep + 1) % 4];
  for (size_t i = 0; i < kLanes; ++i) {
    __m128i sum = _mm_add_epi32(now[i], constants);
    r.cdgh[i] = _mm_sha256rnds2_epu32(r.cdgh[i], r.abef[i], sum);
    r.abef[i] = _mm_sha256rnds2_epu32(r.abef[i], r.cdgh[i], _mm_shuffle_epi32(sum, 0x0E));
  }
  for (size_t i = 0; i < kLanes; ++i) {
    if constexpr (kStep >= 3 && kStep < 15) {
      next[i] = _mm_add_epi32(next[i], _mm_alignr_epi8(now[i], previous[i], 4));
      next[i] = _mm_sha256msg2_epu32(next[i], now[i]);
    }
    if constexpr (kStep >= 1 && kStep < 13) {
      previous[i] = _mm_sha256msg1_epu32(previous[i], now[i]);
    }
  }
}

template <size_t kLanes, size_t... kSteps>
MILLRACE_SHA_NI void AllRounds(Registers<kLanes>& r, std::index_sequence<kSteps...>) {
  (FourRounds<kSteps>(r), ...);
}

MILLRACE_SHA_NI void LoadState(const uint32_t* state, __m128i& abef, __m128i& cdgh) {
  __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));
  __m128i efgh = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));
  __m128i badc = _mm_shuffle_epi32(abcd, 0xB1);
  __m128i hgfe = _mm_shuffle_epi32(efgh, 0x1B);
  abef = _mm_alignr_epi8(badc, hgfe, 8);
  cdgh = _mm_blend_epi16(hgfe, badc, 0xF0);
}

MILLRACE_SHA_NI void StoreState(uint32_t* state, __m128i abef, __m128i cdgh) {
  __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

template <size_t kLanes>
__attribute__((target("sha,sse4.1"))) void Compress(uint32_t* const* states,
                                                    const uint8_t* const* at, size_t blocks) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  Registers<kLanes> r;
  for (size_t i = 0; i < kLanes; ++i) LoadState(states[i], r.abef[i], r.cdgh[i]);
  for (size_t offset = 0; offset < blocks * kBlockSize; offset += kBlockSize) {
    __m128i abef[kLanes];
    __m128i cdgh[kLanes];
    for (size_t i = 0; i < kLanes; ++i) {
      abef[i] = r.abef[i];
      cdgh[i] = r.cdgh[i];
      for (size_t j = 0; j < 4; ++j) {
        __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[i] + offset + 16 * j));
        r.words[j][i] = _mm_shuffle_epi8(bytes, big_endian);
      }
    }
    AllRounds(r, std::make_index_sequence<16>());
    for (size_t i = 0; i < kLanes; ++i) {
      r.abef[i] = _mm_add_epi32(r.abef[i], abef[i]);
      r.cdgh[i] = _mm_add_epi32(r.cdgh[i], cdgh[i]);
    }
  }
  for (size_t i = 0; i < kLanes; ++i) StoreState(states[i], r.abef[i], r.cdgh[i]);
}

void CompressLanes(uint32_t* const* states, const uint8_t* const* at, size_t lanes, size_t blocks) {
  switch (lanes) {
    case 1:
      return Compress<1>(states, at, blocks);
    case 2:
      return Compress<2>(states, at, blocks);
    case 3:
      return Compress<3>(states, at, blocks);
    default:
      return Compress<4>(states, at, blocks);
  }
}

}  // namespace

const LaneKernel kSha256ShaNi{1, 4, CompressLanes};
const LaneKernel kSha256ShaNiIntel{1, 2, CompressLanes};

}  // namespace millrace::codec::internal

#endif
