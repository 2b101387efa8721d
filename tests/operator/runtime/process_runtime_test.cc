#include "operator/runtime/process_runtime.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <thread>

namespace millrace::op {
namespace {

bool Eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

Workload Sleeper() { return {"sleeper", "/bin/sleep", {"1000"}, {}, ""}; }

TEST(ProcessRuntime, AKilledProcessComesBack) {
  ProcessRuntime runtime;
  ASSERT_TRUE(runtime.Apply(Sleeper()).ok());
  int pid = runtime.Observe("sleeper").pid;
  ASSERT_GT(pid, 0);
  kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually([&] {
    WorkloadState state = runtime.Observe("sleeper");
    return state.running && state.pid != pid;
  }));
  EXPECT_EQ(runtime.Observe("sleeper").last_exit, "killed by signal 9");
}

TEST(ProcessRuntime, ApplyingTheSameChangesNothing) {
  ProcessRuntime runtime;
  ASSERT_TRUE(runtime.Apply(Sleeper()).ok());
  int pid = runtime.Observe("sleeper").pid;
  ASSERT_TRUE(runtime.Apply(Sleeper()).ok());
  EXPECT_EQ(runtime.Observe("sleeper").pid, pid);
}

TEST(ProcessRuntime, OtherArgumentsRestartIt) {
  ProcessRuntime runtime;
  ASSERT_TRUE(runtime.Apply(Sleeper()).ok());
  int pid = runtime.Observe("sleeper").pid;
  Workload changed = Sleeper();
  changed.arguments = {"2000"};
  ASSERT_TRUE(runtime.Apply(changed).ok());
  EXPECT_NE(runtime.Observe("sleeper").pid, pid);
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(ProcessRuntime, AProcessThatDoesNotStopIsKilled) {
  ProcessRuntime runtime(std::chrono::milliseconds(100));
  Workload stubborn{
      "stubborn", "/bin/sh", {"-c", "trap '' TERM; while :; do sleep 1; done"}, {}, ""};
  ASSERT_TRUE(runtime.Apply(stubborn).ok());
  int pid = runtime.Observe("stubborn").pid;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  runtime.StopAll();
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(ProcessRuntime, TheEnvironmentReachesTheProcess) {
  ProcessRuntime runtime;
  Workload workload{"exit", "/bin/sh", {"-c", "exit $CODE"}, {{"CODE", "7"}}, ""};
  ASSERT_TRUE(runtime.Apply(workload).ok());
  EXPECT_TRUE(Eventually([&] { return runtime.Observe("exit").last_exit == "exited with 7"; }));
}

}  // namespace
}  // namespace millrace::op
