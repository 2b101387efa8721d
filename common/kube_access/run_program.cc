#include "common/kube_access/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <optional>
#include <thread>

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr size_t kOutputBytesMax = 4 * 1024 * 1024;
constexpr size_t kErrorsBytesMax = 8 * 1024;

struct Pipe {
  int read = -1;
  int write = -1;
  Status Open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe2");
    read = ends[0];
    write = ends[1];
    return OkStatus();
  }
  void CloseWrite() {
    if (write >= 0) close(write);
    write = -1;
  }
  void CloseRead() {
    if (read >= 0) close(read);
    read = -1;
  }
  ~Pipe() {
    CloseWrite();
    CloseRead();
  }
};

// Our environment with some variables set.
class Environment {
 public:
  explicit Environment(const std::vector<std::pair<std::string, std::string>>& added) {
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!IsAmong(added, *entry)) pointers_.push_back(*entry);
    }
    for (const auto& [name, value] : added) lines_.push_back(name + "=" + value);
    for (std::string& line : lines_) pointers_.push_back(line.data());
    pointers_.push_back(nullptr);
  }
  char** get() { return pointers_.data(); }

 private:
  static bool IsAmong(const std::vector<std::pair<std::string, std::string>>& added,
                      const char* entry) {
    for (const auto& [name, value] : added) {
      if (strncmp(entry, name.c_str(), name.size()) == 0 && entry[name.size()] == '=') return true;
    }
    return false;
  }
  std::vector<std::string> lines_;
  std::vector<char*> pointers_;
};

// A program that runs, until it is waited for.
class Running {
 public:
  static Result<Running> Start(const Program& program, int output, int errors) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    if (!program.may_ask) posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, 1);
    posix_spawn_file_actions_adddup2(&files, errors, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);  // we ignore SIGPIPE; it should not
    // In a group of its own it could not read from the terminal.
    const int group = program.may_ask ? 0 : POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(
        &attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
    std::vector<std::string> words{program.command};
    words.insert(words.end(), program.arguments.begin(), program.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    Environment environment(program.environment);
    pid_t pid = -1;
    const int failed = posix_spawnp(&pid, program.command.c_str(), &files, &attributes, argv.data(),
                                    environment.get());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failed == ENOENT) return NotFound("there is no program '" + program.command + "'");
    if (failed != 0) return ErrnoStatus(failed, "cannot run '" + program.command + "'");
    return Running(pid, !program.may_ask);
  }
  Running(Running&& other) noexcept : pid_(std::exchange(other.pid_, -1)), leads_(other.leads_) {}
  ~Running() {
    if (pid_ < 0) return;
    kill(leads_ ? -pid_ : pid_, SIGKILL);
    WaitFor(0);
  }
  bool HasEnded() {
    if (pid_ >= 0) exit_status_ = WaitFor(WNOHANG).value_or(0);
    return pid_ < 0;
  }
  int exit_status() const { return exit_status_; }

 private:
  Running(pid_t pid, bool leads) : pid_(pid), leads_(leads) {}
  std::optional<int> WaitFor(int flags) {
    int status = 0;
    pid_t ended = 0;
    do {
      ended = waitpid(pid_, &status, flags);
    } while (ended < 0 && errno == EINTR);
    if (ended == 0) return std::nullopt;
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  pid_t pid_;
  bool leads_;  // a process group
  int exit_status_ = 0;
};

// Reads what there is; false at the end.
bool ReadInto(std::string& text, int fd, bool show) {
  char piece[16 * 1024];
  ssize_t got = 0;
  do {
    got = read(fd, piece, sizeof piece);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  text.append(piece, static_cast<size_t>(got));
  if (show && write(STDERR_FILENO, piece, static_cast<size_t>(got)) < 0) errno = 0;
  return true;
}

}  // namespace

Result<ProgramOutcome> RunProgram(const Program& program) {
  const auto give_up = steady_clock::now() + program.time_max;
  Pipe output, errors;
  RETURN_IF_ERROR(output.Open());
  RETURN_IF_ERROR(errors.Open());
  ASSIGN_OR_RETURN(Running running, Running::Start(program, output.write, errors.write));
  output.CloseWrite();
  errors.CloseWrite();
  ProgramOutcome outcome;
  while (true) {
    // Not until the pipes end: a child that it left in the background may hold them.
    const bool ended = running.HasEnded();
    pollfd waits[] = {{output.read, POLLIN, 0}, {errors.read, POLLIN, 0}};
    const int ready = poll(waits, 2, ended ? 0 : 20);
    if (ready > 0 && waits[0].revents != 0 && !ReadInto(outcome.output, output.read, false))
      output.CloseRead();
    if (ready > 0 && waits[1].revents != 0 &&
        !ReadInto(outcome.errors, errors.read, program.may_ask))
      errors.CloseRead();
    if (outcome.errors.size() > 2 * kErrorsBytesMax)
      outcome.errors.erase(0, outcome.errors.size() - kErrorsBytesMax);
    if (outcome.output.size() > kOutputBytesMax)
      return Status(Code::kValidation, "'" + program.command + "' says more than 4 MiB");
    if (ended && ready == 0) {
      outcome.exit_status = running.exit_status();
      return outcome;
    }
    if (steady_clock::now() >= give_up) {
      return Status(Code::kTimeout, "'" + program.command + "' did not end within " +
                                        std::to_string(program.time_max.count() / 1000) + " s");
    }
    // Both pipes closed early, the program goes on.
    if (ready < 0 || (output.read < 0 && errors.read < 0 && !ended))
      std::this_thread::sleep_for(milliseconds(5));
  }
}

}  // namespace millrace::kube
