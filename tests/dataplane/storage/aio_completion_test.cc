// Writes that the kernel takes and then reports as failed, as a broken device does: the disk is the
// real one, only what its completions say is changed on the way.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>

#include "dataplane/disk/aio_disk.h"
#include "dataplane/format/record_format.h"
#include "dataplane/storage/lane.h"
#include "tests/support/on_executor.h"
#include "tests/support/temp_folder.h"

namespace millrace::storage {
namespace {

using testing_support::Await;
using testing_support::On;
using testing_support::TempFolder;

constexpr ExtentId kExtent{1, 0, 1};
constexpr long kNothing = LONG_MIN;

// The kernel's calls, but for the results that it is told to give instead. The kernel's loop calls
// it, the test sets it.
class BrokenDevice final : public AioCalls {
 public:
  // What every later completion says; kNothing: the truth.
  std::atomic<long> result{kNothing};
  // Only every other completion says it.
  std::atomic<bool> every_other{false};
  std::atomic<int> changed{0};

  int GetEvents(io_context_t context, long most, io_event* events) override {
    const int count = AioCalls::GetEvents(context, most, events);
    for (int i = 0; i < count; ++i) {
      if (result == kNothing || (every_other && seen_++ % 2 == 0)) continue;
      events[i].res = static_cast<unsigned long>(result.load());
      ++changed;
    }
    return count;
  }

 private:
  uint64_t seen_ = 0;
};

class LaneOnABrokenDevice : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Open()) GTEST_SKIP() << "LOUD: no kernel AIO here, failed completions are NOT tested";
    ASSERT_TRUE(Await<Status>(executor(), [&](auto done) {
                  lane_->OpenExtent(kExtent, false, done);
                }).ok());
    ASSERT_EQ(Put("durable").code(), Code::kOk);
  }
  void TearDown() override { Discard(); }

  bool Open() {
    auto folder = DiskFolder::Open(folder_.path());
    EXPECT_TRUE(folder.ok());
    disk_ = On(executor(), [&]() -> std::unique_ptr<Disk> {
      auto disk = AioDisk::Make(*folder, io_.at(0), device_);
      return disk.ok() ? std::move(*disk) : nullptr;
    });
    if (disk_ == nullptr) return false;
    LaneOptions options;
    options.segment_bytes = kMiB;
    options.write_bytes_max = 16 * kKiB;  // so that a large append is a write of its own
    options.tail_cache_bytes = 0;         // reads go to the disk
    auto lane = Await<Result<std::unique_ptr<Lane>>>(executor(), [&](auto done) {
      Lane::Recover(options, *disk_, SystemClock(), executor(),
                    [done](auto result) mutable { done(std::move(result)); });
    });
    EXPECT_TRUE(lane.ok());
    lane_ = std::move(*lane);
    On(executor(),
       [&] { lane_->SetFencedListener([this](const Status& why) { fenced_ = why.ToString(); }); });
    return true;
  }
  void Discard() {
    On(executor(), [&] {
      lane_.reset();
      disk_.reset();
    });
  }
  Executor& executor() { return io_.at(0); }

  Status Put(const std::string& data) {
    auto result = Await<Result<AppendResult>>(executor(), [&](auto done) {
      RecordBatch batch;
      batch.Add("key", data);
      lane_->AppendRecords({kExtent, batch.Take(), 1}, done);
    });
    return result.ok() ? OkStatus() : result.status();
  }
  std::vector<std::string> ReadAll() {
    std::vector<std::string> all;
    auto read = Await<Result<ReadResult>>(executor(),
                                          [&](auto done) { lane_->Read(kExtent, 0, kMiB, done); });
    EXPECT_TRUE(read.ok()) << read.status().ToString();
    for (const Chunk& chunk : read->chunks) {
      RecordReader reader(chunk.records);
      while (auto record = reader.Next()) all.emplace_back(record->data);
    }
    return all;
  }

  TempFolder folder_;
  BrokenDevice device_;
  IoThreads io_{1, "broken-device"};
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Lane> lane_;
  std::string fenced_;
};

struct Completion {
  const char* name;
  long result;
  const char* said;  // in why the lane is fenced
};

class FailedCompletion : public LaneOnABrokenDevice,
                         public ::testing::WithParamInterface<Completion> {};

INSTANTIATE_TEST_SUITE_P(Completions, FailedCompletion,
                         ::testing::Values(Completion{"Eio", -EIO, "Input/output error"},
                                           Completion{"Enospc", -ENOSPC, "No space left"},
                                           Completion{"Erofs", -EROFS, "Read-only file system"},
                                           Completion{"Short", 512, "only 512 of 4096"},
                                           Completion{"Nothing", 0, "only 0 of 4096"}),
                         [](const auto& c) { return std::string(c.param.name); });

TEST_P(FailedCompletion, FencesTheLaneAndIsNeverAcknowledged) {
  device_.result = GetParam().result;
  EXPECT_EQ(Put("failed").code(), Code::kFenced);
  EXPECT_GT(device_.changed, 0);
  device_.result = kNothing;
  // The device is well again; the lane does not trust it.
  EXPECT_EQ(Put("later").code(), Code::kFenced);
  EXPECT_TRUE(On(executor(), [&] { return lane_->stats(); }).fenced);
  EXPECT_NE(fenced_.find(GetParam().said), std::string::npos) << fenced_;
  EXPECT_EQ(ReadAll(), std::vector<std::string>{"durable"});
}

TEST_P(FailedCompletion, ARestartServesWhatWasAcknowledgedBefore) {
  device_.result = GetParam().result;
  EXPECT_EQ(Put("failed").code(), Code::kFenced);
  device_.result = kNothing;
  Discard();
  ASSERT_TRUE(Open());
  // What was refused may be there, since it reached the disk here; what was acknowledged must be.
  std::vector<std::string> all = ReadAll();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all[0], "durable");
  EXPECT_LE(all.size(), 2U);
  EXPECT_EQ(Put("later").code(), Code::kOk);
}

TEST_F(LaneOnABrokenDevice, AfterOneFailedWriteOfSeveralInFlightNoneBehindItIsAcknowledged) {
  const size_t appends = 6;
  std::vector<Code> codes;
  device_.every_other = true;
  device_.result = -EIO;
  Await<bool>(executor(), [&](auto done) {
    for (size_t i = 0; i < appends; ++i) {
      RecordBatch batch;
      batch.Add("key", std::string(70'000, static_cast<char>(97 + i)));
      lane_->AppendRecords({kExtent, batch.Take(), 1},
                           [&codes, appends, done](const Result<AppendResult>& result) mutable {
                             codes.push_back(result.ok() ? Code::kOk : result.status().code());
                             if (codes.size() == appends) done(true);
                           });
    }
  });
  // A prefix is acknowledged, the rest is not, in the order of the calls.
  EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end()));
  EXPECT_EQ(codes.back(), Code::kFenced);
  const auto acknowledged = static_cast<size_t>(std::count(codes.begin(), codes.end(), Code::kOk));
  device_.result = kNothing;
  Discard();
  ASSERT_TRUE(Open());
  EXPECT_GE(ReadAll().size(), 1 + acknowledged);
}

TEST_F(LaneOnABrokenDevice, AReadThatFailsIsAnErrorAndTheLaneGoesOn) {
  device_.result = -EIO;
  auto read = Await<Result<ReadResult>>(executor(),
                                        [&](auto done) { lane_->Read(kExtent, 0, kMiB, done); });
  EXPECT_EQ(read.status().code(), Code::kIo);
  device_.result = kNothing;
  EXPECT_EQ(ReadAll(), std::vector<std::string>{"durable"});
}

}  // namespace
}  // namespace millrace::storage
