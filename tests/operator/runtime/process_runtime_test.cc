#include "operator/runtime/process_runtime.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

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

TEST(ProcessRuntime, ARemovedProcessIsGoneAndStaysSo) {
  ProcessRuntime runtime;
  ASSERT_TRUE(runtime.Apply(Sleeper()).ok());
  const int pid = runtime.Observe("sleeper").pid;
  runtime.Remove("sleeper");
  EXPECT_NE(kill(pid, 0), 0);
  EXPECT_FALSE(runtime.Observe("sleeper").running);
  runtime.Remove("sleeper");
}

std::string LinkOf(const std::string& path) {
  char target[256];
  const ssize_t size = readlink(path.c_str(), target, sizeof target);
  return size < 0 ? "" : std::string(target, static_cast<size_t>(size));
}

TEST(ProcessRuntime, ItsSocketsAreDescriptorsFromThreeOnInEveryLife) {
  const int first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ProcessRuntime runtime;
  Workload sleeper = Sleeper();
  sleeper.sockets = {second, first};  // as likely as not numbered like their places, crosswise
  ASSERT_TRUE(runtime.Apply(sleeper).ok());
  const auto passed = [&] {
    const std::string files = "/proc/" + std::to_string(runtime.Observe("sleeper").pid) + "/fd/";
    return LinkOf(files + "3") == LinkOf("/proc/self/fd/" + std::to_string(second)) &&
           LinkOf(files + "4") == LinkOf("/proc/self/fd/" + std::to_string(first)) &&
           LinkOf(files + "5").empty();
  };
  EXPECT_TRUE(Eventually(passed));
  const int pid = runtime.Observe("sleeper").pid;
  kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return runtime.Observe("sleeper").pid != pid && passed(); }));
  runtime.StopAll();
  close(first);
  close(second);
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
