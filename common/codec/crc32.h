#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::codec {

// CRC-32C (Castagnoli, RFC 3720) of `size` bytes, continuing from `crc` (0 to start): Crc32c(b, n,
// Crc32c(a, m)) is the checksum of a then b. On isa-l. Pure; any thread.
uint32_t Crc32c(const void* data, size_t size, uint32_t crc = 0);
// CRC-32 (IEEE, gzip): event-stream frames.
uint32_t Crc32Ieee(const void* data, size_t size, uint32_t crc = 0);

}  // namespace millrace::codec
