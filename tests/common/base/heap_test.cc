#include "common/base/heap.h"

#include <gtest/gtest.h>

#include <fstream>
#include <stdexcept>
#include <string>

namespace millrace {
namespace {

// Of files, in KiB.
long ResidentFilePages() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "RssFile:") {
      long kib = 0;
      status >> kib;
      return kib;
    }
  }
  return 0;
}

TEST(TrimMemory, GivesBackCodeAndConstantsAndAllGoesOnAsBefore) {
  const long before = ResidentFilePages();
  TrimMemory();
  EXPECT_LT(ResidentFilePages(), before);
  // Unwinding reads most of the tables that were given back.
  for (int i = 0; i < 3; ++i) {
    EXPECT_THROW(throw std::runtime_error(std::to_string(i)), std::runtime_error);
    TrimMemory();
  }
}

}  // namespace
}  // namespace millrace
