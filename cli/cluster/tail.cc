#include <cstdio>

#include "cli/cluster/cluster_commands.h"
#include "cli/cluster/cluster_flags.h"
#include "cli/cluster/stream_endpoint.h"

namespace millrace::cli {

int RunClusterTail(const Arguments& arguments) {
  config::Settings settings(
      "kubectl millrace tail STREAM [FLAG]...",
      "Shows the records of a stream as they arrive. Signed by AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY, which a StreamUser's Secret has.");
  ClusterFlags flags(settings);
  const std::string& endpoint = settings.String(
      "endpoint", "", "Where to read; STREAM is the stream's own name then.", "URL");
  const bool& from_start =
      settings.Bool("from-start", false, "Begin with the oldest record instead of now.");
  const int64_t& records =
      settings.Int("records", 0, {0, INT64_MAX}, "Stop after so many records; 0 goes on.");
  const std::string& output =
      settings.Choice("output", "table", {"table", "json"}, "How to print records.");
  settings.Letter("output", 'o');
  const std::string& region =
      settings.String("region", "us-east-1", "The region that requests are signed for.");
  const bool& insecure = settings.Bool("insecure", false, "Accept any TLS certificate.");
  settings.ParseOrExit(arguments);
  if (settings.positional().size() != 1) {
    std::fprintf(stderr, "kubectl millrace tail: say which stream: kubectl millrace tail STREAM\n");
    return 2;
  }
  StreamEndpoint found{endpoint, settings.positional()[0]};
  if (endpoint.empty()) {
    auto client = flags.Connect();
    if (!client.ok()) return FailOnCluster("tail", client.status());
    const kube::ObjectName stream{flags.Namespace(**client), found.stream_name};
    auto at = FindEndpoint(**client, stream, "tail " + stream.name, Answers);
    if (!at.ok()) return FailOnCluster("tail", at.status());
    found = *at;
  }
  Arguments forwarded = {
      found.stream_name, "--endpoint", found.url,  "--records", std::to_string(records),
      "--output",        output,       "--region", region};
  if (from_start) forwarded.emplace_back("--from-start");
  if (insecure) forwarded.emplace_back("--insecure");
  return RunTail(forwarded);
}

}  // namespace millrace::cli
