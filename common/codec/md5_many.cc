#include <span>

#include "common/base/check.h"
#include "common/codec/digest.h"
#include "common/codec/md5_kernels.h"
#include "common/codec/variant.h"

namespace millrace::codec {

namespace {

using internal::LaneKernel;
using internal::MayUse;
using internal::Variant;

struct Md5Spec {
  using Digest = Md5Digest;
  static constexpr size_t kWords = internal::kMd5Initial.size();
  static constexpr std::array<uint32_t, kWords> kInitial = internal::kMd5Initial;
  static void StoreBits(uint8_t* to, uint64_t bits) {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<uint8_t>(bits >> 8 * i);
  }
  static void StoreDigest(const std::array<uint32_t, kWords>& state, Digest& digest) {
    for (size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<uint8_t>(state[i / 4] >> 8 * (i % 4));
    }
  }
};

std::span<const LaneKernel* const> Kernels() {
#if defined(__x86_64__)
  static constexpr const LaneKernel* kAvx512[] = {&internal::kMd5Avx512, &internal::kMd5Portable};
  static constexpr const LaneKernel* kAvx2[] = {&internal::kMd5Avx2, &internal::kMd5Portable};
  if (MayUse(Variant::kAvx512)) return kAvx512;
  if (MayUse(Variant::kAvx2)) return kAvx2;
#endif
  static constexpr const LaneKernel* kPortable[] = {&internal::kMd5Portable};
  return kPortable;
}

#if defined(__x86_64__)
// Those of one block each, which partition keys nearly all are; returns how many.
size_t HashOneBlockMessages(std::span<const std::string_view> messages,
                            std::span<Md5Digest> digests) {
  std::array<const std::string_view*, internal::kLanesMax> from;
  std::array<Md5Digest*, internal::kLanesMax> to;
  size_t waiting = 0;
  size_t total = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].size() <= internal::kMd5OneBlockMax) {
      from[waiting] = &messages[i];
      to[waiting] = &digests[i];
      ++waiting;
      ++total;
    }
    if (waiting == from.size() || (waiting != 0 && i + 1 == messages.size())) {
      internal::Md5OneBlockAvx512({from.data(), waiting}, {to.data(), waiting});
      waiting = 0;
    }
  }
  return total;
}
#endif

}  // namespace

void Md5Many(std::span<const std::string_view> messages, std::span<Md5Digest> digests) {
  CHECK(messages.size() == digests.size());
  if (messages.size() == 1) {
    digests[0] = Md5(messages[0]);
    return;
  }
  size_t size_min = 0;
#if defined(__x86_64__)
  if (MayUse(Variant::kAvx512)) {
    if (HashOneBlockMessages(messages, digests) == messages.size()) return;
    size_min = internal::kMd5OneBlockMax + 1;
  }
#endif
  internal::LaneHasher<Md5Spec>(Kernels()).Hash(messages, digests, size_min);
}

}  // namespace millrace::codec
