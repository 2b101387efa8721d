#include "common/kube_access/run_program.h"

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "tests/support/temp_folder.h"

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Program Shell(const std::string& script, milliseconds time_max = milliseconds(10'000)) {
  return {.command = "sh", .arguments = {"-c", script}, .environment = {}, .time_max = time_max};
}

TEST(RunProgram, SaysWhatTheProgramSaidAndHowItEnded) {
  auto outcome = RunProgram(Shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->exit_status, 3);
  EXPECT_EQ(outcome->output, "out\n");
  EXPECT_EQ(outcome->errors, "err\n");
  auto killed = RunProgram(Shell("kill -9 $$"));
  ASSERT_TRUE(killed.ok());
  EXPECT_EQ(killed->exit_status, 128 + SIGKILL);
}

TEST(RunProgram, GivesVariablesAndAnEmptyInput) {
  ::setenv("MILLRACE_TEST_KEPT", "kept", 1);
  ::setenv("MILLRACE_TEST_SET", "old", 1);
  Program program = Shell("cat; printf \"$MILLRACE_TEST_KEPT $MILLRACE_TEST_SET\"");
  program.environment = {{"MILLRACE_TEST_SET", "new"}};
  auto outcome = RunProgram(program);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->output, "kept new");
}

TEST(RunProgram, TakesMuchOutputButNotAnyAmount) {
  auto much = RunProgram(Shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2"));
  ASSERT_TRUE(much.ok()) << much.status().ToString();
  EXPECT_EQ(much->output.size(), 1'000'000u);
  EXPECT_LE(much->errors.size(), 16u * 1024);
  EXPECT_EQ(RunProgram(Shell("cat /dev/zero")).status().code(), Code::kValidation);
}

TEST(RunProgram, KillsWhatDoesNotEndInTimeAndItsChildren) {
  testing_support::TempFolder folder;
  const std::string mark = (folder.path() / "mark").string();
  const auto began = steady_clock::now();
  auto late = RunProgram(Shell("(sleep 1; touch '" + mark + "') & wait", milliseconds(200)));
  EXPECT_EQ(late.status().code(), Code::kTimeout);
  EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(5));
  std::this_thread::sleep_for(milliseconds(1'300));
  EXPECT_FALSE(std::ifstream(mark).good());
}

TEST(RunProgram, DoesNotWaitForWhatWasLeftInTheBackground) {
  const auto began = steady_clock::now();
  auto outcome = RunProgram(Shell("sleep 3 & echo done"));
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->output, "done\n");
  EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(2));
}

TEST(RunProgram, TellsAMissingProgram) {
  Program program;
  program.command = "millrace-no-such-program";
  EXPECT_EQ(RunProgram(program).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace millrace::kube
