#include "operator/runtime/process_runtime.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <algorithm>
#include <cerrno>

#include "common/log/log.h"

namespace millrace::op {
namespace {

constexpr Duration kBackoffFirst = std::chrono::milliseconds(50);
constexpr Duration kBackoffMost = std::chrono::seconds(5);
// A child that ran this long starts its back-off anew.
constexpr Duration kHealthyAfter = std::chrono::seconds(2);

constexpr int kFirstPassedFd = STDERR_FILENO + 1;

// Copies of a workload's sockets, numbered above where the child gets them, so that moving one
// there never overwrites another.
class PassedSockets {
 public:
  explicit PassedSockets(const std::vector<int>& sockets) {
    const int above = kFirstPassedFd + static_cast<int>(sockets.size());
    for (const int fd : sockets) copies_.push_back(fcntl(fd, F_DUPFD_CLOEXEC, above));
  }
  ~PassedSockets() {
    for (const int fd : copies_) {
      if (fd >= 0) close(fd);
    }
  }
  PassedSockets(const PassedSockets&) = delete;
  bool ok() const {
    return std::none_of(copies_.begin(), copies_.end(), [](int fd) { return fd < 0; });
  }
  // In the child: async-signal-safe.
  void MoveIntoPlace() const {
    int fd = kFirstPassedFd;
    for (const int copy : copies_) dup2(copy, fd++);
  }

 private:
  std::vector<int> copies_;
};

std::string DescribeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "killed by signal " + std::to_string(WTERMSIG(wait_status));
  return "exited with " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace

struct ProcessRuntime::Child {
  Workload workload;
  std::thread thread;
  std::condition_variable changed;
  bool stopping = false;
  bool started = false;
  Status start_error;
  WorkloadState state;
};

ProcessRuntime::ProcessRuntime(Duration stop_grace) : stop_grace_(stop_grace) {}

ProcessRuntime::~ProcessRuntime() { StopAll(); }

Status ProcessRuntime::Apply(const Workload& workload) {
  std::unique_lock lock(mu_);
  auto it = children_.find(workload.name);
  if (it != children_.end()) {
    const Workload& running = it->second->workload;
    if (running.program == workload.program && running.arguments == workload.arguments &&
        running.environment == workload.environment && running.sockets == workload.sockets) {
      return OkStatus();
    }
    std::unique_ptr<Child> old = std::move(it->second);
    children_.erase(it);
    lock.unlock();
    StopChild(*old);
    lock.lock();
  }
  auto child = std::make_unique<Child>();
  Child* made = child.get();
  made->workload = workload;
  children_[workload.name] = std::move(child);
  made->thread = std::thread([this, made] { Supervise(*made); });
  made->changed.wait(lock, [made] { return made->started || !made->start_error.ok(); });
  return made->start_error;
}

WorkloadState ProcessRuntime::Observe(const std::string& name) const {
  std::lock_guard lock(mu_);
  auto it = children_.find(name);
  return it == children_.end() ? WorkloadState{} : it->second->state;
}

Result<int> ProcessRuntime::Spawn(const Workload& workload) {
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e) {
    std::string entry = *e;
    if (!workload.environment.contains(entry.substr(0, entry.find('='))))
      environment.push_back(entry);
  }
  for (const auto& [name, value] : workload.environment) environment.push_back(name + "=" + value);
  std::vector<char*> argv{const_cast<char*>(workload.program.c_str())};
  for (const std::string& argument : workload.arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> envp;
  for (std::string& entry : environment) envp.push_back(entry.data());
  envp.push_back(nullptr);
  int log_fd = -1;
  if (!workload.log_path.empty()) {
    log_fd = open(workload.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (log_fd < 0) return ErrnoStatus(errno, "open " + workload.log_path);
  }
  const PassedSockets sockets(workload.sockets);
  if (!sockets.ok()) return ErrnoStatus(errno, "sockets of " + workload.name);
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    // Only async-signal-safe calls between fork and exec.
    // Killed, not asked: one that took its time to stop would keep its folder from its successor.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    // Ctrl-C reaches the supervisor alone, which stops us in order.
    setpgid(0, 0);
    if (log_fd >= 0) dup2(log_fd, STDERR_FILENO);
    // Standard output is the supervisor's own: what a child says is log.
    dup2(STDERR_FILENO, STDOUT_FILENO);
    sockets.MoveIntoPlace();
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  if (log_fd >= 0) close(log_fd);
  if (pid < 0) return ErrnoStatus(errno, "fork");
  return static_cast<int>(pid);
}

void ProcessRuntime::Supervise(Child& child) {
  Duration backoff = kBackoffFirst;
  std::unique_lock lock(mu_);
  while (!child.stopping) {
    // PDEATHSIG follows the thread that forked, so this thread forks and lives as long as the
    // child.
    Result<int> pid = Spawn(child.workload);
    if (!pid.ok()) {
      child.start_error = pid.status();
      child.changed.notify_all();
      return;
    }
    child.state.pid = *pid;
    child.state.running = true;
    child.started = true;
    child.changed.notify_all();
    MonoTime began = SystemClock().Now();
    lock.unlock();
    int wait_status = 0;
    while (waitpid(*pid, &wait_status, 0) < 0 && errno == EINTR) {
    }
    lock.lock();
    child.state.running = false;
    child.state.pid = 0;
    child.state.last_exit = DescribeExit(wait_status);
    child.changed.notify_all();
    if (child.stopping) return;
    if (SystemClock().Now() - began > kHealthyAfter) backoff = kBackoffFirst;
    ++child.state.restarts;
    log::Warning(
        "process ended; starting it again",
        {{"process", child.workload.name},
         {"exit", child.state.last_exit},
         {"after_ms", std::chrono::duration_cast<std::chrono::milliseconds>(backoff).count()}});
    child.changed.wait_for(lock, backoff, [&] { return child.stopping; });
    backoff = std::min(backoff * 2, kBackoffMost);
  }
}

void ProcessRuntime::StopChild(Child& child) {
  {
    std::unique_lock lock(mu_);
    child.stopping = true;
    if (child.state.running) kill(child.state.pid, SIGTERM);
    child.changed.notify_all();
    if (!child.changed.wait_for(lock, stop_grace_, [&] { return !child.state.running; })) {
      log::Warning("process does not stop; killing it", {{"process", child.workload.name}});
      kill(child.state.pid, SIGKILL);
    }
  }
  if (child.thread.joinable()) child.thread.join();
}

void ProcessRuntime::Remove(const std::string& name) {
  std::unique_ptr<Child> child;
  {
    std::lock_guard lock(mu_);
    const auto it = children_.find(name);
    if (it == children_.end()) return;
    child = std::move(it->second);
    children_.erase(it);
  }
  StopChild(*child);
}

void ProcessRuntime::StopAll() { StopGroup(""); }

void ProcessRuntime::StopGroup(std::string_view prefix) {
  std::vector<std::unique_ptr<Child>> group;
  {
    std::lock_guard lock(mu_);
    for (auto it = children_.begin(); it != children_.end();) {
      const bool is_in = it->first.starts_with(prefix);
      if (is_in) {
        // All are asked before the first is waited for, so that their time to stop is one time.
        it->second->stopping = true;
        if (it->second->state.running) kill(it->second->state.pid, SIGTERM);
        it->second->changed.notify_all();
        group.push_back(std::move(it->second));
      }
      it = is_in ? children_.erase(it) : std::next(it);
    }
  }
  for (const auto& child : group) StopChild(*child);
}

}  // namespace millrace::op
