// The log on a real, small, full ext4: an image mounted by loop, skipped loudly where that is
// barred.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "dataplane/format/record_format.h"
#include "dataplane/storage/log.h"
#include "tests/support/on_executor.h"
#include "tests/support/temp_folder.h"

namespace millrace::storage {
namespace {

using testing_support::Await;
using testing_support::On;
using testing_support::TempFolder;
using Clock = std::chrono::steady_clock;

constexpr ExtentId kExtent{1, 0, 1};
constexpr uint64_t kVolumeBytes = 48 * kMiB;
constexpr uint64_t kBallastBytes = 16 * kMiB;

bool Shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

// A small file system of its own, from construction to destruction.
class SmallVolume {
 public:
  SmallVolume() {
    const std::string image = folder_.path() / "image";
    std::filesystem::create_directory(path());
    std::ofstream(image).close();
    std::filesystem::resize_file(image, kVolumeBytes);
    mounted_ = Shell("mkfs.ext4 -q -F -m 0 " + image) &&
               Shell("mount -o loop " + image + " " + path().string());
  }
  ~SmallVolume() {
    if (mounted_) Shell("umount -l " + path().string());
  }
  bool mounted() const { return mounted_; }
  std::filesystem::path path() const { return folder_.path() / "volume"; }

 private:
  TempFolder folder_;
  bool mounted_ = false;
};

class LogOnAFullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!volume_.mounted()) {
      GTEST_SKIP() << "LOUD: no loop mount here, the log on a full disk is NOT tested";
    }
    std::ofstream(Ballast()) << std::string(kBallastBytes, 'b');
    ASSERT_TRUE(Shell("sync -f " + Ballast().string()));
    Open();
    ASSERT_TRUE(Await<Status>(executor(), [&](auto done) {
                  lane().OpenExtent(kExtent, false, done);
                }).ok());
  }

  std::filesystem::path Ballast() const { return volume_.path() / "ballast"; }
  void Open() {
    LogOptions options;
    options.folder = volume_.path() / "log";
    options.lanes = 1;
    options.lane.segment_bytes = kMiB;
    options.lane.tail_cache_bytes = 0;  // reads go to the disk
    auto log = Log::Open(options, io_, SystemClock());
    ASSERT_TRUE(log.ok()) << log.status().ToString();
    log_ = std::move(*log);
  }
  Lane& lane() { return log_->lane(0); }
  IoExecutor& executor() { return log_->lane_executor(0); }

  // One record of 32 KiB that says which it is; counted where it is acknowledged.
  Code Put() {
    std::string data = std::to_string(acknowledged_) + "|";
    data.resize(32 * kKiB, 'x');
    auto result = Await<Result<AppendResult>>(executor(), [&](auto done) {
      RecordBatch batch;
      batch.Add("key", data);
      lane().AppendRecords({kExtent, batch.Take(), 1}, done);
    });
    if (!result.ok()) return result.status().code();
    EXPECT_EQ(result->first_index, acknowledged_);
    ++acknowledged_;
    return Code::kOk;
  }
  // Every acknowledged record once, in order, and nothing else.
  void ExpectAllReadBack() {
    uint64_t index = 0;
    while (true) {
      auto read = Await<Result<ReadResult>>(
          executor(), [&](auto done) { lane().Read(kExtent, index, kMiB, done); });
      ASSERT_TRUE(read.ok()) << read.status().ToString();
      if (read->chunks.empty()) break;
      for (const Chunk& chunk : read->chunks) {
        RecordReader reader(chunk.records);
        while (auto record = reader.Next()) {
          ASSERT_EQ(record->data.substr(0, record->data.find('|')), std::to_string(index));
          ++index;
        }
      }
    }
    EXPECT_EQ(index, acknowledged_);
  }

  SmallVolume volume_;
  IoThreads io_{1, "full-disk"};
  std::unique_ptr<Log> log_;
  uint64_t acknowledged_ = 0;
};

TEST_F(LogOnAFullDisk, RefusesWritesServesReadsAndWritesAgainWithinFiveSecondsOfRoom) {
  Code code = Code::kOk;
  const auto full_by = Clock::now() + std::chrono::seconds(30);
  while (code == Code::kOk && Clock::now() < full_by) code = Put();
  ASSERT_EQ(code, Code::kNoSpace);
  EXPECT_GT(acknowledged_, 100U);
  ExpectAllReadBack();
  EXPECT_FALSE(On(executor(), [&] { return lane().stats(); }).fenced);

  std::filesystem::remove(Ballast());
  const auto freed = Clock::now();
  while (Put() != Code::kOk) {
    ASSERT_LT(Clock::now() - freed, std::chrono::seconds(5)) << "writes did not resume";
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  RecordProperty("resumed_after_ms", static_cast<int>((Clock::now() - freed).count() / 1'000'000));
  ExpectAllReadBack();
  log_.reset();
  Open();
  ExpectAllReadBack();
}

TEST_F(LogOnAFullDisk, OpensOnAFullDiskAndServesWhatItHolds) {
  while (Put() == Code::kOk) {
  }
  log_.reset();
  Open();
  ExpectAllReadBack();
}

TEST_F(LogOnAFullDisk, ADropMakesRoomAfterARestartToo) {
  while (Put() == Code::kOk) {
  }
  log_.reset();
  Open();
  ExpectAllReadBack();
  ASSERT_TRUE(Await<Status>(executor(), [&](auto done) { lane().Drop(kExtent, done); }).ok());
  ASSERT_TRUE(
      Await<Status>(executor(), [&](auto done) { lane().OpenExtent(kExtent, false, done); }).ok());
  acknowledged_ = 0;
  const auto dropped = Clock::now();
  while (Put() != Code::kOk) {
    ASSERT_LT(Clock::now() - dropped, std::chrono::seconds(5)) << "writes did not resume";
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

TEST_F(LogOnAFullDisk, SaysWhatIsShortOfWhat) {
  while (Put() == Code::kOk) {
  }
  const Lane::Stats stats = On(executor(), [&] { return lane().stats(); });
  EXPECT_TRUE(stats.full);
  EXPECT_TRUE(stats.full_reason.starts_with("the volume has ")) << stats.full_reason;
  EXPECT_NE(stats.full_reason.find("the lane needs 1024 KiB"), std::string::npos)
      << stats.full_reason;
}

}  // namespace
}  // namespace millrace::storage
