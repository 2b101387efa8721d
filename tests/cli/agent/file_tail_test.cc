#include "cli/agent/file_tail.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

class FileTailTest : public testing::Test {
 protected:
  FileTailTest() {
    flow_.file_pattern = folder_.path() / "app.log*";
    flow_.stream = "s";
    flow_.from_start = true;
    Reopen();
  }
  // As after a restart: only what was checkpointed is known.
  void Reopen() {
    tail_.reset();
    checkpoints_ = std::move(CheckpointStore::Open(folder_.path() / "checkpoints.json")).value();
    tail_ = std::make_unique<FileTail>(flow_, *checkpoints_);
  }
  void Append(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path() / name, std::ios::app) << text;
  }
  std::string Poll(int times = 2) {
    records_.clear();
    std::string all;
    for (int i = 0; i < times; ++i) {
      std::vector<PendingRecord> records;
      EXPECT_TRUE(tail_->Poll(records).ok());
      for (auto& record : records) {
        all += record.data;
        records_.push_back(record);
      }
    }
    return all;
  }
  // Everything polled last was acknowledged.
  void Acknowledge() {
    std::map<std::string, FileCheckpoint> changed;
    for (const auto& record : records_) {
      if (!record.file.empty()) changed[record.file] = record.after;
    }
    ASSERT_TRUE(checkpoints_->Save(changed).ok());
  }

  testing_support::TempFolder folder_;
  FlowConfig flow_;
  std::unique_ptr<CheckpointStore> checkpoints_;
  std::unique_ptr<FileTail> tail_;
  std::vector<PendingRecord> records_;
};

TEST_F(FileTailTest, LinesAreReadAsTheyAreWritten) {
  Append("app.log", "one\n");
  EXPECT_EQ(Poll(), "one\n");
  Append("app.log", "two\nthr");
  EXPECT_EQ(Poll(), "two\n");
  Append("app.log", "ee\n");
  EXPECT_EQ(Poll(), "three\n");
}

TEST_F(FileTailTest, AtTheEndOfFileOldLinesAreLeftButNewFilesAreRead) {
  flow_.from_start = false;
  Append("app.log", "old\n");
  EXPECT_EQ(Poll(), "");
  Append("app.log", "new\n");
  Append("app.log.other", "whole\n");
  EXPECT_EQ(Poll(), "new\nwhole\n");
}

TEST_F(FileTailTest, ARestartGoesOnBehindTheCheckpoint) {
  Append("app.log", "one\ntwo\n");
  EXPECT_EQ(Poll(), "one\ntwo\n");
  Acknowledge();
  Append("app.log", "three\n");
  Reopen();
  EXPECT_EQ(Poll(), "three\n");
}

TEST_F(FileTailTest, ARestartRepeatsWhatWasNotAcknowledged) {
  Append("app.log", "one\n");
  EXPECT_EQ(Poll(), "one\n");
  Acknowledge();
  Append("app.log", "two\n");
  EXPECT_EQ(Poll(), "two\n");
  Reopen();
  EXPECT_EQ(Poll(), "two\n");
}

TEST_F(FileTailTest, RotationLosesNothingAndDoublesNothing) {
  Append("app.log", "one\n");
  EXPECT_EQ(Poll(), "one\n");
  Append("app.log", "two\n");
  fs::rename(folder_.path() / "app.log", folder_.path() / "app.log.1");
  Append("app.log", "three\n");
  EXPECT_EQ(Poll(3), "two\nthree\n");
  EXPECT_EQ(Poll(3), "");
}

TEST_F(FileTailTest, AFileRotatedOutOfThePatternIsReadToItsEnd) {
  Append("app.log", "one\n");
  EXPECT_EQ(Poll(), "one\n");
  Append("app.log", "two\nlast without end");
  fs::rename(folder_.path() / "app.log", folder_.path() / "gone");
  EXPECT_EQ(Poll(3), "two\nlast without end");
  EXPECT_EQ(tail_->file_count(), 0u);
}

TEST_F(FileTailTest, ATruncatedFileIsReadFromItsStart) {
  Append("app.log", "one\ntwo\n");
  EXPECT_EQ(Poll(), "one\ntwo\n");
  fs::resize_file(folder_.path() / "app.log", 0);
  Append("app.log", "a\n");
  EXPECT_EQ(Poll(), "a\n");
}

TEST_F(FileTailTest, AnInodeUsedAgainForAnotherFileIsReadFromItsStart) {
  Append("app.log", "one\n");
  EXPECT_EQ(Poll(), "one\n");
  Acknowledge();
  tail_.reset();
  // The same inode with other content: what a file system may do when a log is removed and made
  // again.
  std::ofstream(folder_.path() / "app.log", std::ios::in | std::ios::out) << "ONE\nmore\n";
  Reopen();
  EXPECT_EQ(Poll(), "ONE\nmore\n");
}

TEST_F(FileTailTest, HeadersAndCompressedFilesArePassedOver) {
  flow_.skip_header_lines = 1;
  Append("app.log", "header\nline\n");
  Append("app.log.gz", "xxxx\n");
  EXPECT_EQ(Poll(), "line\n");
}

}  // namespace
}  // namespace millrace::cli
