#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::codec {

// CRC-32C (Castagnoli, RFC 3720) of `size` bytes, continuing from `crc` (0 to start): Crc32c(b, n,
// Crc32c(a, m)) is the checksum of a then b. On isa-l. Pure; any thread.
uint32_t Crc32c(const void* data, size_t size, uint32_t crc = 0);
// The CRC-32C of a then b, from `first` of a and `second` of b, without their bytes; b has
// `second_size` of them. Takes as long as the CRC of a few hundred bytes at most.
uint32_t Crc32cCombine(uint32_t first, uint32_t second, size_t second_size);
// CRC-32 (IEEE, gzip): event-stream frames.
uint32_t Crc32Ieee(const void* data, size_t size, uint32_t crc = 0);

}  // namespace millrace::codec
