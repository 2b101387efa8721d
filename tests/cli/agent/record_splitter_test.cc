#include "cli/agent/record_splitter.h"

#include <gtest/gtest.h>

namespace millrace::cli {
namespace {

using Records = std::vector<std::string>;

RecordSplitter Splitter(const std::string& pattern = "", size_t limit = 1000) {
  return std::move(RecordSplitter::Make(pattern, limit, "\n")).value();
}

TEST(RecordSplitter, LinesComeWhenTheirEndDoes) {
  RecordSplitter splitter = Splitter();
  Records records;
  splitter.Feed("one\ntw", records);
  EXPECT_EQ(records, (Records{"one\n"}));
  EXPECT_EQ(splitter.pending_bytes(), 2u);
  splitter.Feed("o\n", records);
  EXPECT_EQ(records, (Records{"one\n", "two\n"}));
  EXPECT_EQ(splitter.pending_bytes(), 0u);
}

TEST(RecordSplitter, EveryCutOfTheInputGivesTheSameRecords) {
  const std::string text = "a\nbb\n\nccc\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    RecordSplitter splitter = Splitter();
    Records records;
    splitter.Feed(text.substr(0, cut), records);
    splitter.Feed(text.substr(cut), records);
    EXPECT_EQ(records, (Records{"a\n", "bb\n", "\n", "ccc\n"})) << cut;
  }
}

TEST(RecordSplitter, AnOverlongLineIsCutAndTheNextOneIsWhole) {
  RecordSplitter splitter = Splitter("", 10);
  Records records;
  splitter.Feed(std::string(25, 'x') + "\nnext\n", records);
  EXPECT_EQ(records, (Records{std::string(9, 'x') + "\n", "next\n"}));
  splitter.Feed(std::string(15, 'y'), records);
  EXPECT_EQ(splitter.pending_bytes(), 15u);
}

TEST(RecordSplitter, AStartPatternJoinsLines) {
  RecordSplitter splitter = Splitter("^\\[");
  Records records;
  splitter.Feed("[1] a\n  at x\n[2] b\n", records);
  EXPECT_EQ(records, (Records{"[1] a\n  at x\n"}));
  EXPECT_EQ(splitter.pending_bytes(), 6u);
  splitter.Finish(records);
  EXPECT_EQ(records.back(), "[2] b\n");
}

TEST(RecordSplitter, FinishGivesTheLastLineWithoutItsEnd) {
  RecordSplitter splitter = Splitter();
  Records records;
  splitter.Feed("tail", records);
  splitter.Finish(records);
  EXPECT_EQ(records, (Records{"tail"}));
}

}  // namespace
}  // namespace millrace::cli
