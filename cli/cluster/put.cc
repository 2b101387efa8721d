#include <cstdio>

#include "cli/cluster/cluster_commands.h"
#include "cli/cluster/cluster_flags.h"
#include "cli/cluster/stream_endpoint.h"

namespace millrace::cli {

int RunClusterPut(const Arguments& arguments) {
  config::Settings settings(
      "kubectl millrace put STREAM [DATA]... [FLAG]...",
      "Writes each DATA as a record; without DATA each line of standard input. Signed by "
      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which a StreamUser's Secret has.");
  ClusterFlags flags(settings);
  const std::string& endpoint = settings.String(
      "endpoint", "", "Where to write; STREAM is the stream's own name then.", "URL");
  const std::string& key = settings.String(
      "partition-key", "", "The partition key of every record; random if not given.", "KEY");
  settings.Letter("partition-key", 'k');
  const std::string& region =
      settings.String("region", "us-east-1", "The region that requests are signed for.");
  const bool& insecure = settings.Bool("insecure", false, "Accept any TLS certificate.");
  settings.ParseOrExit(arguments);
  const auto& words = settings.positional();
  if (words.empty()) {
    std::fprintf(stderr,
                 "kubectl millrace put: say to which stream: kubectl millrace put STREAM DATA\n");
    return 2;
  }
  StreamEndpoint found{endpoint, words[0]};
  if (endpoint.empty()) {
    auto client = flags.Connect();
    if (!client.ok()) return FailOnCluster("put", client.status());
    const kube::ObjectName stream{flags.Namespace(**client), words[0]};
    auto at = FindEndpoint(**client, stream, "put " + stream.name + " DATA", Answers);
    if (!at.ok()) return FailOnCluster("put", at.status());
    found = *at;
  }
  Arguments forwarded = {"--endpoint", found.url, "--region", region};
  if (!key.empty()) forwarded.insert(forwarded.end(), {"--partition-key", key});
  if (insecure) forwarded.emplace_back("--insecure");
  // Records may begin with a dash.
  forwarded.insert(forwarded.end(), {"--", found.stream_name});
  forwarded.insert(forwarded.end(), words.begin() + 1, words.end());
  return RunPut(forwarded);
}

}  // namespace millrace::cli
