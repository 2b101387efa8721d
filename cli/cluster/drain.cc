#include <cstdio>

#include "cli/cluster/cluster_commands.h"
#include "cli/cluster/cluster_flags.h"
#include "cli/cluster/drain_pod.h"

namespace millrace::cli {

int RunClusterDrain(const Arguments& arguments) {
  config::Settings settings(
      "kubectl millrace drain POD [--undo] [FLAG]...",
      "Moves the write heads of all streams from a pod to the others of its pool and keeps them "
      "away; the pod runs on and serves reads. Needed before nothing that the operator does "
      "itself: upgrades and node drains move heads by themselves.");
  ClusterFlags flags(settings);
  const bool& undo = settings.Bool("undo", false, "Let write heads come back.");
  const int64_t& timeout = settings.Int("timeout", 120, {0, 86'400},
                                        "How long to wait; 0 asks and does not wait.", "SECONDS");
  settings.ParseOrExit(arguments);
  if (settings.positional().size() != 1) {
    std::fprintf(stderr, "kubectl millrace drain: say which pod: kubectl millrace drain POD\n");
    return 2;
  }
  std::string name = settings.positional()[0];
  if (name.starts_with("pod/")) name = name.substr(4);
  auto client = flags.Connect();
  if (!client.ok()) return FailOnCluster("drain", client.status());
  const std::string& server = (*client)->access().server;
  DrainOptions options;
  options.pod = {flags.Namespace(**client), name};
  options.time_max = std::chrono::seconds(timeout);
  if (undo) {
    const Status done = UndrainPod(**client, options.pod);
    if (!done.ok()) return FailOnCluster("drain", done, server);
    std::printf("%s takes write heads again.\n", name.c_str());
    return 0;
  }
  const Status done = DrainPod(**client, options, [&](const PodLoad& load) {
    std::printf("%s: %zu write heads, %zu unsealed extents\n", name.c_str(), load.heads,
                load.unsealed);
    std::fflush(stdout);
  });
  if (done.code() == Code::kTimeout) {
    std::fprintf(stderr, "kubectl millrace drain: %s.\n", done.message().c_str());
    return 1;
  }
  if (!done.ok()) return FailOnCluster("drain", done, server);
  std::printf(timeout == 0 ? "%s has been asked.\n"
                           : "%s is drained: no write head is on it, and none comes back before "
                             "--undo or until the pod is made anew.\n",
              name.c_str());
  return 0;
}

}  // namespace millrace::cli
