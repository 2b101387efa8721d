#include <algorithm>
#include <cstdio>

#include "cli/cluster/cluster_commands.h"
#include "cli/cluster/cluster_flags.h"
#include "cli/cluster/why_chain.h"
#include "cli/output.h"

namespace millrace::cli {
namespace {

struct Target {
  std::string_view kind;  // "" for none that is known
  std::string name;
};

// "stream/orders", or the same in two words.
Target TargetOf(const std::vector<std::string>& words) {
  if (words.size() == 2) return {KindByWord(words[0]), words[1]};
  const size_t slash = words[0].find('/');
  if (slash == std::string::npos) return {};
  return {KindByWord(words[0].substr(0, slash)), words[0].substr(slash + 1)};
}

// Where the events are that have to do with it: its own namespace and those of pools.
std::vector<std::string> NamespacesOf(const ClusterView& view, const std::string& ns) {
  std::vector<std::string> out = {ns};
  for (const json::Value& pool : view.pools) {
    const std::string& its = kube::NameOf(pool).ns;
    if (std::find(out.begin(), out.end(), its) == out.end()) out.push_back(its);
  }
  return out;
}

}  // namespace

int RunWhy(const Arguments& arguments) {
  config::Settings settings(
      "kubectl millrace why KIND/NAME [FLAG]...",
      "Says what a resource waits for, down to pods, volumes and events, and what to do. KIND is "
      "stream, streampool, workload, streamuser or pod, or one of their short names.");
  ClusterFlags flags(settings);
  const std::string& output = OutputFlag(settings);
  settings.ParseOrExit(arguments);
  const auto& words = settings.positional();
  const Target target = words.empty() || words.size() > 2 ? Target{} : TargetOf(words);
  if (target.kind.empty() || target.name.empty()) {
    std::fprintf(stderr,
                 "kubectl millrace why: say about what: kubectl millrace why stream/NAME "
                 "(stream, streampool, workload, streamuser or pod)\n");
    return 2;
  }
  Result<std::unique_ptr<kube::Client>> client = flags.Connect();
  if (!client.ok()) return FailOnCluster("why", client.status());
  const std::string& server = (*client)->access().server;
  const std::string ns = flags.Namespace(**client);
  Result<ClusterView> view = ReadCluster(**client, ns, SystemClock().WallNow());
  if (!view.ok()) return FailOnCluster("why", view.status(), server);
  ReadEvents(**client, NamespacesOf(*view, ns), *view);
  Result<WhyAnswer> answer = ExplainWhy(*view, target.kind, {ns, target.name});
  if (!answer.ok()) return FailOnCluster("why", answer.status());
  for (const std::string& unread : view->unread) {
    std::fprintf(stderr, "Not looked at: %s\n", unread.c_str());
  }
  if (output == "table") {
    std::fputs(WhyText(*answer).c_str(), stdout);
  } else {
    PrintDocument(WhyDocument(*answer), output);
  }
  return 0;
}

}  // namespace millrace::cli
