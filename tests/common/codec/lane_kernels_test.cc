#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "common/codec/md5_kernels.h"
#include "common/codec/sha256_kernels.h"
#include "tests/common/codec/variants.h"

namespace millrace::codec::internal {
namespace {

struct Tested {
  const char* name;
  Variant needs;
  const LaneKernel* kernel;
  const LaneKernel* portable;
};

// Dispatch leaves some out on some CPUs, so that only this test sees every one at every width.
class LaneKernels : public ::testing::TestWithParam<Tested> {};

INSTANTIATE_TEST_SUITE_P(
    All, LaneKernels,
    ::testing::Values(Tested{"Md5Avx2", Variant::kAvx2, &kMd5Avx2, &kMd5Portable},
                      Tested{"Md5Avx512", Variant::kAvx512, &kMd5Avx512, &kMd5Portable},
                      Tested{"Sha256ShaNi", Variant::kShaNi, &kSha256ShaNi, &kSha256Portable},
                      Tested{"Sha256Avx512", Variant::kAvx512, &kSha256Avx512Alone,
                             &kSha256Portable}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(LaneKernels, AgreeWithThePortableOneAtEveryWidth) {
  if (!CpuRuns(GetParam().needs)) GTEST_SKIP() << "this CPU lacks the instructions";
  using State = std::array<uint32_t, 8>;
  std::mt19937_64 random(5);
  for (size_t lanes = 1; lanes <= GetParam().kernel->lanes_max; ++lanes) {
    for (size_t blocks : {1, 2, 7, 40}) {
      std::vector<std::string> messages;
      std::vector<State> states(lanes);
      std::vector<State> expected(lanes);
      std::vector<uint32_t*> state_pointers;
      std::vector<const uint8_t*> at;
      for (size_t i = 0; i < lanes; ++i) messages.push_back(RandomBytes(random, blocks * 64));
      for (size_t i = 0; i < lanes; ++i) {
        for (uint32_t& word : states[i]) word = static_cast<uint32_t>(random());
        expected[i] = states[i];
        state_pointers.push_back(states[i].data());
        at.push_back(reinterpret_cast<const uint8_t*>(messages[i].data()));
        uint32_t* one = expected[i].data();
        GetParam().portable->compress(&one, &at.back(), 1, blocks);
      }
      GetParam().kernel->compress(state_pointers.data(), at.data(), lanes, blocks);
      ASSERT_EQ(states, expected) << lanes << " lanes, " << blocks << " blocks";
    }
  }
}

}  // namespace
}  // namespace millrace::codec::internal
