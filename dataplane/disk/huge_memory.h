#pragma once

#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"

namespace millrace::storage {

constexpr size_t kHugePage = 2 * kMiB;

// Maps `bytes`, a multiple of kHugePage, of fresh memory that begins and ends with huge pages,
// which the kernel hands to the disk in a few pieces instead of one a page. Where there are none it
// is ordinary memory. To be unmapped by munmap, or kept for good. Any thread.
uint8_t* MapHuge(size_t bytes);

}  // namespace millrace::storage
