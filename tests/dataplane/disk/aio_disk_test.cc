#include "dataplane/disk/aio_disk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "common/base/random.h"
#include "tests/support/on_executor.h"
#include "tests/support/real_disk.h"
#include "tests/support/temp_folder.h"

namespace millrace::storage {
namespace {

using testing_support::AlignedBytes;
using testing_support::Await;
using testing_support::On;
using testing_support::RealDisk;
using testing_support::TempFolder;

constexpr size_t kBlock = kDiskAlignment;

class DiskOnAFolder : public ::testing::TestWithParam<RealDisk::Way> {
 protected:
  TempFolder folder_;
  RealDisk disk_{folder_.path(), GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Ways, DiskOnAFolder,
                         ::testing::Values(RealDisk::Way::kAio, RealDisk::Way::kThreads),
                         [](const auto& way) {
                           return way.param == RealDisk::Way::kAio ? "Aio" : "Threads";
                         });

TEST_P(DiskOnAFolder, ANewFileIsAllZerosAndNotSparse) {
  ASSERT_TRUE(disk_.Create("segment", 5 * kMiB).ok());
  auto bytes = disk_.Read("segment", 0, 5 * kMiB);
  ASSERT_TRUE(bytes.ok());
  ASSERT_EQ(bytes->size(), 5 * kMiB);
  EXPECT_EQ(std::accumulate(bytes->data(), bytes->data() + bytes->size(), 0), 0);
  struct stat info{};
  ASSERT_EQ(stat((folder_.path() / "segment").c_str(), &info), 0);
  EXPECT_GE(static_cast<uint64_t>(info.st_blocks) * 512, 5 * kMiB);
}

TEST_P(DiskOnAFolder, ManyWritesInFlightAllArriveAtTheirPlaces) {
  constexpr size_t kWrites = 500;  // more than the kernel is given at once
  ASSERT_TRUE(disk_.Create("segment", kWrites * kBlock).ok());
  size_t left = kWrites;
  size_t failed = 0;
  Await<bool>(disk_.executor(), [&](auto done) {
    for (size_t i = 0; i < kWrites; ++i) {
      disk_.disk().Write("segment", i * kBlock, AlignedBytes(kBlock, static_cast<char>(i % 251)),
                         [&, done](const Status& status) mutable {
                           if (!status.ok()) ++failed;
                           if (--left == 0) done(true);
                         });
    }
  });
  EXPECT_EQ(failed, 0U);
  auto bytes = disk_.Read("segment", 0, kWrites * kBlock);
  ASSERT_TRUE(bytes.ok());
  for (size_t i = 0; i < kWrites; ++i) {
    ASSERT_EQ(bytes->data()[i * kBlock + i % kBlock], i % 251) << i;
  }
}

TEST_P(DiskOnAFolder, ReadsAnyAlignmentAndStopsAtTheEnd) {
  std::string text(10'000, '\0');
  Random random(1);
  for (char& c : text) c = static_cast<char>(random.Next());
  ASSERT_TRUE(disk_.WriteFile("small", text).ok());
  for (auto [offset, size] : {std::pair<uint64_t, size_t>{0, 10'000},
                              {1, 1},
                              {4095, 2},
                              {4096, 4096},
                              {9'999, 100},
                              {10'000, 5},
                              {50'000, 10},
                              {0, 70'000}}) {
    auto bytes = disk_.Read("small", offset, size);
    ASSERT_TRUE(bytes.ok()) << bytes.status().ToString();
    std::string expected = offset < text.size() ? text.substr(offset, size) : "";
    EXPECT_EQ(bytes->view(), expected) << offset << " " << size;
  }
}

TEST_P(DiskOnAFolder, AFileThatIsReplacedOrRenamedIsNotWrittenUnderItsOldName) {
  ASSERT_TRUE(disk_.Create("a", kBlock).ok());
  ASSERT_TRUE(disk_.Write("a", 0, AlignedBytes(kBlock, 'a')).ok());
  ASSERT_TRUE(disk_.Rename("a", "b").ok());
  EXPECT_EQ(disk_.Write("a", 0, AlignedBytes(kBlock, 'x')).code(), Code::kNotFound);
  ASSERT_TRUE(disk_.Create("a", kBlock).ok());
  ASSERT_TRUE(disk_.Write("a", 0, AlignedBytes(kBlock, 'c')).ok());
  EXPECT_EQ(disk_.Read("a", 0, 1)->view(), "c");
  EXPECT_EQ(disk_.Read("b", 0, 1)->view(), "a");
  ASSERT_TRUE(disk_.WriteFile("b", "new").ok());
  EXPECT_EQ(disk_.Read("b", 0, 100)->view(), "new");
  ASSERT_TRUE(disk_.Remove("b").ok());
  EXPECT_EQ(disk_.Read("b", 0, 1).status().code(), Code::kNotFound);
  EXPECT_EQ(disk_.Names(), (std::vector<std::string>{"a"}));
}

TEST_P(DiskOnAFolder, MoreFilesThanAreKeptOpenAllAnswer) {
  constexpr size_t kFiles = OpenFiles::kOpenFilesMax + 20;
  for (size_t i = 0; i < kFiles; ++i) {
    std::ofstream(folder_.path() / ("f" + std::to_string(i))) << std::string(kBlock, 'a');
  }
  for (size_t i = 0; i < 2 * kFiles; ++i) {
    ASSERT_EQ(disk_.Read("f" + std::to_string(i % kFiles), 0, 1)->view(), "a");
  }
  ASSERT_TRUE(disk_.Write("f0", 0, AlignedBytes(kBlock, 'b')).ok());
  EXPECT_EQ(disk_.Read("f0", 0, 1)->view(), "b");
  const auto open_files = std::filesystem::directory_iterator("/proc/self/fd");
  EXPECT_LT(std::distance(begin(open_files), end(open_files)),
            static_cast<long>(OpenFiles::kOpenFilesMax + 50));
}

TEST_P(DiskOnAFolder, ChangesOfWhatIsNotThereFail) {
  EXPECT_EQ(disk_.Write("nothing", 0, AlignedBytes(kBlock, 'x')).code(), Code::kNotFound);
  EXPECT_EQ(disk_.Rename("nothing", "other").code(), Code::kNotFound);
  EXPECT_EQ(disk_.Remove("nothing").code(), Code::kNotFound);
  EXPECT_EQ(disk_.Read("nothing", 0, 1).status().code(), Code::kNotFound);
}

TEST_P(DiskOnAFolder, AFileTooLargeForTheVolumeIsNoSpaceAndLeavesNothing) {
  const uint64_t more = On(disk_.executor(), [&] { return disk_.disk().FreeBytes(); }) * 2;
  Status status = disk_.Create("huge", more / kBlock * kBlock);
  // ext4 refuses a size past what one of its files may have before it looks at what is free.
  if (status.message().find("too large") == std::string::npos) {
    EXPECT_EQ(status.code(), Code::kNoSpace) << status.ToString();
  }
  EXPECT_TRUE(disk_.Names().empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST(DiskFolder, WhatAnInterruptedCreateLeftIsNeitherListedNorKept) {
  TempFolder folder;
  std::ofstream(folder.path() / ".tmp-3-segment") << "half";
  RealDisk disk(folder.path(), RealDisk::Way::kAio);
  EXPECT_TRUE(disk.Names().empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(AioDisk, EndsWithOperationsUnderWay) {
  TempFolder folder;
  RealDisk disk(folder.path(), RealDisk::Way::kAio);
  ASSERT_TRUE(disk.Create("segment", 64 * kBlock).ok());
  On(disk.executor(), [&] {
    for (size_t i = 0; i < 64; ++i) {
      disk.disk().Write("segment", i * kBlock, AlignedBytes(kBlock, 'x'),
                        [](Status s) { s.IgnoreError(); });
    }
    disk.disk().Create("other", kMiB, [](Status s) { s.IgnoreError(); });
  });
}

}  // namespace
}  // namespace millrace::storage
