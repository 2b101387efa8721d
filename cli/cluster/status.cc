#include <cstdio>

#include "cli/cluster/cluster_commands.h"
#include "cli/cluster/cluster_flags.h"
#include "cli/cluster/status_report.h"
#include "cli/output.h"

namespace millrace::cli {

int RunClusterStatus(const Arguments& arguments) {
  config::Settings settings(
      "kubectl millrace status [FLAG]...",
      "One screen: who leads, pools and their storage, pods and the write heads on them, streams, "
      "what is under way and what is not well. Without -A the streams of one namespace and the "
      "pools that they are on.");
  ClusterFlags flags(settings);
  const bool& all = AllNamespacesFlag(settings);
  const std::string& output = OutputFlag(settings);
  settings.ParseOrExit(arguments);
  if (!settings.positional().empty()) {
    std::fprintf(stderr,
                 "kubectl millrace status takes no words; about one thing: kubectl "
                 "millrace why KIND/NAME\n");
    return 2;
  }
  Result<std::unique_ptr<kube::Client>> client = flags.Connect();
  if (!client.ok()) return FailOnCluster("status", client.status());
  const std::string ns = flags.Namespace(**client);
  const WallMs now = SystemClock().WallNow();
  Result<ClusterView> view = ReadCluster(**client, ns, now);
  if (!view.ok()) return FailOnCluster("status", view.status(), (*client)->access().server);
  const json::Value report = StatusReport(*view, all ? "" : ns);
  if (output != "table") {
    PrintDocument(report, output);
    return 0;
  }
  std::fputs(StatusText(report, now).c_str(), stdout);
  const bool is_empty = report["streams"].AsArray().empty() && report["pools"].AsArray().empty();
  if (!all && is_empty) {
    std::printf("This is namespace %s only; -A shows every namespace.\n", ns.c_str());
  }
  return 0;
}

}  // namespace millrace::cli
