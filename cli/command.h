#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace::cli {

using Arguments = std::vector<std::string>;

// One command of `millrace`: a file each, named in the list in commands.cc. `run` gets what stands
// behind the command's name and gives the exit code: 0, 1 for a failure, 2 for a wrong call.
struct Command {
  std::string_view name;
  std::string_view help;  // one line
  int (*run)(const Arguments& arguments);
};

// In the order of the help text.
const std::vector<Command>& Commands();
// Those of `kubectl millrace`: the same binary under the name that kubectl looks for (cli/cluster).
const std::vector<Command>& ClusterCommands();

int RunAgent(const Arguments& arguments);
int RunApply(const Arguments& arguments);
int RunBench(const Arguments& arguments);
int RunCompletion(const Arguments& arguments);
int RunDelete(const Arguments& arguments);
int RunDescribe(const Arguments& arguments);
int RunGet(const Arguments& arguments);
int RunPut(const Arguments& arguments);
int RunShards(const Arguments& arguments);
int RunStreams(const Arguments& arguments);
int RunTail(const Arguments& arguments);
int RunUp(const Arguments& arguments);
int RunVersion(const Arguments& arguments);

}  // namespace millrace::cli
