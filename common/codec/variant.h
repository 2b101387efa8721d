#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>

namespace millrace::codec::internal {

// Instruction sets that kernels are written for. Not for users of the library: they call base64.h,
// digest.h and crc32.h, which choose.
enum class Variant : uint8_t {
  kPortable,  // plain C++ and OpenSSL
  kAvx2,
  kShaNi,   // SHA-NI and SSE4.1
  kAvx512,  // F, BW, DQ, VL and VBMI, with BMI2
};

// Whether this CPU and operating system run the variant at all.
bool CpuRuns(Variant variant);
// A bit a variant; zero until first asked, since a static initializer of another file may hash
// before one of ours has run.
extern constinit std::atomic<uint8_t> allowed_variants;
uint8_t DetectAllowedVariants();

// Whether dispatch may take the variant: CpuRuns, unless a test forbids it. Any thread.
inline bool MayUse(Variant variant) {
  uint8_t bits = allowed_variants.load(std::memory_order_relaxed);
  if (bits == 0) bits = DetectAllowedVariants();
  return (bits >> static_cast<unsigned>(variant) & 1) != 0;
}

// While one lives, dispatch takes only these variants, of those the CPU runs, and portable code.
// For tests and benchmarks; they don't nest, and no other thread uses the library meanwhile.
class ScopedVariants {
 public:
  explicit ScopedVariants(std::initializer_list<Variant> variants);
  ~ScopedVariants();
  ScopedVariants(const ScopedVariants&) = delete;
  ScopedVariants& operator=(const ScopedVariants&) = delete;
};

}  // namespace millrace::codec::internal
