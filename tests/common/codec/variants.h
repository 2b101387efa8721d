#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

#include "common/codec/variant.h"

namespace millrace::codec {

inline std::string RandomBytes(std::mt19937_64& random, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

inline std::string VariantName(const ::testing::TestParamInfo<internal::Variant>& tested) {
  switch (tested.param) {
    case internal::Variant::kAvx2:
      return "Avx2";
    case internal::Variant::kShaNi:
      return "ShaNi";
    case internal::Variant::kAvx512:
      return "Avx512";
    default:
      return "Portable";
  }
}

// Runs its tests with dispatch held to one variant; skips them on a CPU without it.
class EveryVariant : public ::testing::TestWithParam<internal::Variant> {
 protected:
  void SetUp() override {
    if (!internal::CpuRuns(GetParam())) GTEST_SKIP() << "this CPU lacks the instructions";
    Allow({GetParam()});
  }
  void Allow(std::initializer_list<internal::Variant> variants) {
    allowed_.reset();
    allowed_.emplace(variants);
  }

  std::mt19937_64 random_{7};

 private:
  std::optional<internal::ScopedVariants> allowed_;
};

}  // namespace millrace::codec
