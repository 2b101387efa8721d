#include <span>

#include "common/base/check.h"
#include "common/codec/digest.h"
#include "common/codec/sha256_kernels.h"
#include "common/codec/variant.h"

namespace millrace::codec {

namespace {

using internal::LaneKernel;
using internal::MayUse;
using internal::Variant;

struct Sha256Spec {
  using Digest = Sha256Digest;
  static constexpr size_t kWords = 8;
  static constexpr std::array<uint32_t, kWords> kInitial = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                                            0xa54ff53a, 0x510e527f, 0x9b05688c,
                                                            0x1f83d9ab, 0x5be0cd19};
  static void StoreBits(uint8_t* to, uint64_t bits) {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  }
  static void StoreDigest(const std::array<uint32_t, kWords>& state, Digest& digest) {
    for (size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
  }
};

#if defined(__x86_64__)
constexpr const LaneKernel* kWide[] = {&internal::kSha256Avx512BesideShaNi,
                                       &internal::kSha256ShaNi};
constexpr const LaneKernel* kWideIntel[] = {&internal::kSha256Avx512BesideShaNiIntel,
                                            &internal::kSha256ShaNiIntel};
constexpr const LaneKernel* kWideAlone[] = {&internal::kSha256Avx512Alone,
                                            &internal::kSha256Portable};
constexpr const LaneKernel* kShaNi[] = {&internal::kSha256ShaNi};
constexpr const LaneKernel* kShaNiIntel[] = {&internal::kSha256ShaNiIntel};
#endif
constexpr const LaneKernel* kPortable[] = {&internal::kSha256Portable};

std::span<const LaneKernel* const> Kernels() {
  using Kernels = std::span<const LaneKernel* const>;
#if defined(__x86_64__)
  bool wide = MayUse(Variant::kAvx512);
  if (MayUse(Variant::kShaNi)) {
    if (__builtin_cpu_is("intel")) return wide ? Kernels(kWideIntel) : Kernels(kShaNiIntel);
    return wide ? Kernels(kWide) : Kernels(kShaNi);
  }
  if (wide) return kWideAlone;
#endif
  return kPortable;
}

}  // namespace

void Sha256Many(std::span<const std::string_view> messages, std::span<Sha256Digest> digests) {
  CHECK(messages.size() == digests.size());
  if (messages.size() == 1) {
    digests[0] = Sha256(messages[0]);
    return;
  }
  internal::LaneHasher<Sha256Spec>(Kernels()).Hash(messages, digests);
}

}  // namespace millrace::codec
