#pragma once

#include <cstdint>

namespace millrace::codec::internal {

// Instruction sets that kernels are written for, from the least to the most. Not for users of the
// library: they call base64.h, digest.h and crc32.h, which choose.
enum class Variant : uint8_t {
  kPortable,  // plain C++ and OpenSSL
  kAvx2,
  kShaNi,   // SHA-NI and SSE4.1
  kAvx512,  // F, BW, DQ, VL and VBMI, with BMI2
};

// Whether this CPU and operating system run the variant at all.
bool CpuRuns(Variant variant);
// Whether dispatch may take it: CpuRuns, and not above a limit set by a test. Any thread.
bool MayUse(Variant variant);

// While one lives, dispatch takes nothing above `most` in the whole process. For tests and
// benchmarks; they don't nest, and no other thread uses the library meanwhile.
class ScopedVariantLimit {
 public:
  explicit ScopedVariantLimit(Variant most);
  ~ScopedVariantLimit();
  ScopedVariantLimit(const ScopedVariantLimit&) = delete;
  ScopedVariantLimit& operator=(const ScopedVariantLimit&) = delete;
};

}  // namespace millrace::codec::internal
