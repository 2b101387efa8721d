#include "common/codec/crc32.h"

#include <isa-l/crc.h>

#include <algorithm>

namespace millrace::codec {

uint32_t Crc32c(const void* data, size_t size, uint32_t crc) {
  // The library takes the register itself, complemented on neither side, and an int length.
  constexpr size_t kChunkMax = 1U << 30;
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  uint32_t state = ~crc;
  while (size != 0) {
    size_t chunk = std::min(size, kChunkMax);
    state = crc32_iscsi(bytes, static_cast<int>(chunk), state);
    bytes += chunk;
    size -= chunk;
  }
  return ~state;
}

uint32_t Crc32Ieee(const void* data, size_t size, uint32_t crc) {
  // This one complements on both sides.
  return size == 0 ? crc : crc32_gzip_refl(crc, static_cast<const unsigned char*>(data), size);
}

}  // namespace millrace::codec
