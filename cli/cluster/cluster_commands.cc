#include "cli/cluster/cluster_commands.h"

namespace millrace::cli {

const std::vector<Command>& ClusterCommands() {
  static const std::vector<Command> commands = {
      {"status", "One screen: operator, pools, pods, streams, upgrades, what is not well",
       RunClusterStatus},
      {"why", "Say what a resource waits for, and what to do about it", RunWhy},
      {"drain", "Move the write heads of streams away from a pod", RunClusterDrain},
      {"tail", "Show the records of a stream as they arrive", RunClusterTail},
      {"put", "Write records to a stream", RunClusterPut},
      {"support-bundle", "Collect what is needed to find a fault, without secrets",
       RunSupportBundle},
      {"version", "Print the version", RunVersion},
  };
  return commands;
}

}  // namespace millrace::cli
