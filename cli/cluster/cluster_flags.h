#pragma once

#include <memory>
#include <string>

#include "common/config/setting.h"
#include "common/kube/client.h"

namespace millrace::cli {

// The flags that say which cluster a command is about, as kubectl has them: --kubeconfig,
// --context, --server, -n. Declared once a command, before it parses its arguments.
struct ClusterFlags {
  explicit ClusterFlags(config::Settings& settings);
  // A client that has not called anything yet. The failure says what to do.
  Result<std::unique_ptr<kube::Client>> Connect() const;
  // -n, else the namespace of the kubeconfig's context.
  std::string Namespace(const kube::Client& client) const;

  const std::string& kubeconfig;
  const std::string& context;
  const std::string& server;
  const std::string& ns;
};
// -A
const bool& AllNamespacesFlag(config::Settings& settings);

// What went wrong, in the words of the API, and what to do about it: two sentences for a person.
std::string ExplainFailure(const Status& status, const std::string& server);
// Prints that to standard error under the command's name; returns the exit code 1.
int FailOnCluster(std::string_view command, const Status& status, const std::string& server = {});

}  // namespace millrace::cli
