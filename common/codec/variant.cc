#include "common/codec/variant.h"

namespace millrace::codec::internal {

namespace {

constexpr uint8_t Bit(Variant variant) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(variant));
}

uint8_t Detect() {
  uint8_t found = Bit(Variant::kPortable);
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) found |= Bit(Variant::kAvx2);
  if (__builtin_cpu_supports("sha") && __builtin_cpu_supports("sse4.1")) {
    found |= Bit(Variant::kShaNi);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi") &&
      __builtin_cpu_supports("bmi2")) {
    found |= Bit(Variant::kAvx512);
  }
#endif
  return found;
}

uint8_t Detected() {
  static const uint8_t detected = Detect();
  return detected;
}

}  // namespace

bool CpuRuns(Variant variant) { return (Detected() & Bit(variant)) != 0; }

constinit std::atomic<uint8_t> allowed_variants{0};

uint8_t DetectAllowedVariants() {
  uint8_t bits = Detected();
  allowed_variants.store(bits, std::memory_order_relaxed);
  return bits;
}

ScopedVariants::ScopedVariants(std::initializer_list<Variant> variants) {
  uint8_t bits = Bit(Variant::kPortable);
  for (Variant variant : variants) bits |= Bit(variant);
  allowed_variants.store(bits & Detected(), std::memory_order_relaxed);
}

ScopedVariants::~ScopedVariants() { allowed_variants.store(Detected(), std::memory_order_relaxed); }

}  // namespace millrace::codec::internal
