#include "dataplane/storage/log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "dataplane/format/record_format.h"
#include "tests/support/on_executor.h"
#include "tests/support/temp_folder.h"

namespace millrace::storage {
namespace {

using testing_support::Await;
using testing_support::On;
using testing_support::TempFolder;

class LogOnAFolder : public ::testing::Test {
 protected:
  Result<std::unique_ptr<Log>> Open(size_t lanes = 0) {
    LogOptions options;
    options.folder = folder_.path();
    options.lanes = lanes;
    options.lane.segment_bytes = kMiB;
    return Log::Open(options, io_, SystemClock());
  }
  static Status OpenExtent(Log& log, ExtentId id) {
    size_t lane = log.LaneOf(id.stream, id.shard);
    return Await<Status>(log.lane_executor(lane),
                         [&](auto done) { log.lane(lane).OpenExtent(id, false, done); });
  }
  static Result<AppendResult> Put(Log& log, ExtentId id, const std::string& data) {
    size_t lane = log.LaneOf(id.stream, id.shard);
    return Await<Result<AppendResult>>(log.lane_executor(lane), [&](auto done) {
      RecordBatch batch;
      batch.Add("key", data);
      log.lane(lane).AppendRecords({id, batch.Take(), 1}, done);
    });
  }
  static std::string ReadFirst(Log& log, ExtentId id) {
    size_t lane = log.LaneOf(id.stream, id.shard);
    auto read = Await<Result<ReadResult>>(
        log.lane_executor(lane), [&](auto done) { log.lane(lane).Read(id, 0, kMiB, done); });
    if (!read.ok()) return read.status().ToString();
    if (read->chunks.empty()) return "nothing";
    RecordReader reader(read->chunks[0].records);
    return std::string(reader.Next()->data);
  }

  TempFolder folder_;
  IoThreads io_{2, "log-test"};
};

TEST_F(LogOnAFolder, WhatWasAcknowledgedIsThereAfterClosingAndOpening) {
  auto log = Open();
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  EXPECT_EQ((*log)->lane_count(), 2U);
  for (uint32_t shard = 0; shard < 16; ++shard) {
    ASSERT_TRUE(OpenExtent(**log, {1, shard, 1}).ok());
    ASSERT_TRUE(Put(**log, {1, shard, 1}, "data " + std::to_string(shard)).ok());
  }
  (*log)->Close();
  log = Open();
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  for (uint32_t shard = 0; shard < 16; ++shard) {
    EXPECT_EQ(ReadFirst(**log, {1, shard, 1}), "data " + std::to_string(shard));
  }
}

TEST_F(LogOnAFolder, ShardsSpreadOverTheLanes) {
  auto log = Open(4);
  ASSERT_TRUE(log.ok());
  std::vector<int> shards(4);
  for (uint32_t shard = 0; shard < 400; ++shard) ++shards[(*log)->LaneOf(77, shard)];
  for (int count : shards) EXPECT_GT(count, 60);
}

TEST_F(LogOnAFolder, ExtentsStayInTheirLaneWhenTheNumberOfLanesChanges) {
  std::vector<size_t> lanes;
  {
    auto log = Open(4);
    ASSERT_TRUE(log.ok());
    for (uint32_t shard = 0; shard < 32; ++shard) {
      ASSERT_TRUE(OpenExtent(**log, {1, shard, 1}).ok());
      ASSERT_TRUE(Put(**log, {1, shard, 1}, std::to_string(shard)).ok());
      lanes.push_back((*log)->LaneOf(1, shard));
    }
  }
  auto log = Open(2);
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  EXPECT_EQ((*log)->lane_count(), 4U);
  for (uint32_t shard = 0; shard < 32; ++shard) {
    EXPECT_EQ((*log)->LaneOf(1, shard), lanes[shard]);
    EXPECT_EQ(ReadFirst(**log, {1, shard, 1}), std::to_string(shard));
    EXPECT_LT((*log)->LaneOf(2, shard), 2U) << "a new shard goes to a lane that is wanted";
  }
}

TEST_F(LogOnAFolder, ASecondProcessIsRefusedAndToldWhoHasTheFolder) {
  auto log = Open();
  ASSERT_TRUE(log.ok());
  auto second = Open();
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kResourceInUse);
  EXPECT_NE(second.status().message().find("process " + std::to_string(getpid())),
            std::string::npos)
      << second.status().message();
  (*log)->Close();
  EXPECT_TRUE(Open().ok());
}

TEST(SegmentBytes, FollowTheVolumeAndTheNumberOfLanes) {
  LaneOptions lane;
  EXPECT_EQ(SegmentBytesFor(100 * kGiB, 2, lane), 64 * kMiB);
  EXPECT_EQ(SegmentBytesFor(512 * kMiB, 2, lane), 32 * kMiB);
  EXPECT_EQ(SegmentBytesFor(512 * kMiB, 1, lane), 64 * kMiB);
  EXPECT_EQ(SegmentBytesFor(64 * kMiB, 2, lane), 20 * kMiB);
  lane.segment_bytes = kMiB;  // asked for
  EXPECT_EQ(SegmentBytesFor(64 * kMiB, 2, lane), kMiB);
}

TEST_F(LogOnAFolder, AFolderThatCannotBeMadeIsAnErrorNotACrash) {
  LogOptions options;
  options.folder = "/proc/no/such/folder";
  EXPECT_FALSE(Log::Open(options, io_, SystemClock()).ok());
}

// The process that is killed: one byte on standard error for every acknowledged append.
TEST_F(LogOnAFolder, DISABLED_AppendsForEver) {
  const char* folder = std::getenv("MILLRACE_TEST_FOLDER");
  ASSERT_NE(folder, nullptr);
  LogOptions options;
  options.folder = folder;
  auto log = Log::Open(options, io_, SystemClock());
  ASSERT_TRUE(log.ok() && OpenExtent(**log, {1, 0, 1}).ok());
  while (Put(**log, {1, 0, 1}, "x").ok() && write(STDERR_FILENO, "x", 1) == 1) {
  }
}

// Starts this test binary anew with its standard error in a pipe; the pipe's end to read from.
int StartAppender(const std::string& folder, pid_t* child) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  setenv("MILLRACE_TEST_FOLDER", folder.c_str(), 1);
  *child = fork();
  if (*child == 0) {
    dup2(ends[1], STDERR_FILENO);
    execl("/proc/self/exe", "storage_test", "--gtest_also_run_disabled_tests",
          "--gtest_filter=LogOnAFolder.DISABLED_AppendsForEver", nullptr);
    _exit(1);
  }
  close(ends[1]);
  return ends[0];
}

TEST_F(LogOnAFolder, AKilledProcessLosesNothingThatWasAcknowledged) {
  pid_t child = 0;
  const int acknowledged = StartAppender(folder_.path(), &child);
  char bytes[50];
  size_t count = 0;
  while (count < sizeof bytes) {
    ssize_t n = read(acknowledged, bytes, sizeof bytes - count);
    ASSERT_GT(n, 0);
    for (ssize_t i = 0; i < n; ++i) ASSERT_EQ(bytes[i], 'x');
    count += static_cast<size_t>(n);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(acknowledged, bytes, 1) == 1) ++count;
  close(acknowledged);

  auto log = Open();
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  size_t lane = (*log)->LaneOf(1, 0);
  auto info = On((*log)->lane_executor(lane), [&] { return (*log)->lane(lane).Info({1, 0, 1}); });
  ASSERT_TRUE(info.has_value());
  // The one under way when the process died may be there too.
  EXPECT_GE(info->end_index, count);
  EXPECT_LE(info->end_index, count + 1);
}

}  // namespace
}  // namespace millrace::storage
