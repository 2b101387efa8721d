#include "cli/command.h"

namespace millrace::cli {

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      {"up", "Run everything on this machine: streams behind one endpoint", RunUp},
      {"apply", "Create or change resources from YAML files", RunApply},
      {"get", "Show resources", RunGet},
      {"describe", "Show one resource with its conditions", RunDescribe},
      {"delete", "Delete resources", RunDelete},
      {"streams", "List streams, their state and their shards", RunStreams},
      {"shards", "List the shards of a stream", RunShards},
      {"put", "Write records to a stream, from arguments or standard input", RunPut},
      {"tail", "Show the records of a stream as they arrive", RunTail},
      {"agent", "Follow log files and write their lines to streams", RunAgent},
      {"bench", "Measure a stream: throughput and latency", RunBench},
      {"completion", "Print a shell completion script (bash, zsh or fish)", RunCompletion},
      {"version", "Print the version", RunVersion},
  };
  return commands;
}

}  // namespace millrace::cli
