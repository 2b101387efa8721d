#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace millrace::kube {

struct Program {
  std::string command;  // a path, or a name to be found in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  // besides our own
  // Whether it may ask the person at our terminal: it gets our standard input, and its standard
  // error is shown as it comes. Otherwise it reads nothing.
  bool may_ask = false;
  std::chrono::milliseconds time_max{30'000};
};

struct ProgramOutcome {
  int exit_status = 0;  // 128 and the signal's number where one ended it
  std::string output;
  std::string errors;  // its standard error, the last part of it where it is long
};

// Runs a program to its end and returns what it said. Blocks; any thread. kNotFound where there is
// no such program, kTimeout where it does not end in time (it is killed then; and what it
// started with it, unless it may ask), kValidation where it says more than 4 MiB.
Result<ProgramOutcome> RunProgram(const Program& program);

}  // namespace millrace::kube
