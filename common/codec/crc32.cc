#include "common/codec/crc32.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace millrace::codec {

namespace {

// The library's AVX-512 code returns with the upper halves of the vector registers in use. Every
// SSE instruction after that has to keep them, SHA-256's above all, until somebody clears them.
#if defined(__x86_64__)
__attribute__((target("avx"))) void ClearUpperHalves() { __builtin_ia32_vzeroupper(); }
const bool kHasUpperHalves = __builtin_cpu_supports("avx");

// A step of eight bytes at a time; the library is faster only once its beginning and end are a
// small part of the whole.
constexpr size_t kShortMax = 128;
const bool kHasCrcInstruction = __builtin_cpu_supports("sse4.2");

__attribute__((target("sse4.2"))) uint32_t ShortCrc32c(const uint8_t* bytes, size_t size,
                                                       uint32_t crc) {
  uint64_t state = ~crc;
  for (; size >= 8; size -= 8, bytes += 8) {
    uint64_t word;
    std::memcpy(&word, bytes, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto rest = static_cast<uint32_t>(state);
  for (; size > 0; --size) rest = _mm_crc32_u8(rest, *bytes++);
  return ~rest;
}
#else
void ClearUpperHalves() {}
constexpr bool kHasUpperHalves = false;
#endif

}  // namespace

uint32_t Crc32c(const void* data, size_t size, uint32_t crc) {
  // The library takes the register itself, complemented on neither side, and an int length.
  constexpr size_t kChunkMax = 1U << 30;
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
#if defined(__x86_64__)
  if (size <= kShortMax && kHasCrcInstruction) return ShortCrc32c(bytes, size, crc);
#endif
  uint32_t state = ~crc;
  while (size != 0) {
    size_t chunk = std::min(size, kChunkMax);
    state = crc32_iscsi(bytes, static_cast<int>(chunk), state);
    bytes += chunk;
    size -= chunk;
  }
  if (kHasUpperHalves) ClearUpperHalves();
  return ~state;
}

uint32_t Crc32Ieee(const void* data, size_t size, uint32_t crc) {
  // This one complements on both sides.
  if (size == 0) return crc;
  const uint32_t result = crc32_gzip_refl(crc, static_cast<const unsigned char*>(data), size);
  if (kHasUpperHalves) ClearUpperHalves();
  return result;
}

}  // namespace millrace::codec
