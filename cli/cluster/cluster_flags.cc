#include "cli/cluster/cluster_flags.h"

#include <cstdio>
#include <cstdlib>

namespace millrace::cli {
namespace {

constexpr std::string_view kProxyHint =
    "Credentials that a plug-in makes can be borrowed from kubectl: run `kubectl proxy "
    "--port=8001` "
    "and give --server http://127.0.0.1:8001.";

Status WithAdvice(const Status& status) {
  if (status.message().find("plugin") != std::string::npos ||
      status.message().find("auth-provider") != std::string::npos) {
    return {status.code(), status.message() + ". " + std::string(kProxyHint)};
  }
  if (status.message().starts_with("cannot read")) {
    return {status.code(), "there is no kubeconfig: " + status.message() +
                               ". Name the file that kubectl uses by --kubeconfig or KUBECONFIG."};
  }
  if (status.message().find("has no context") != std::string::npos) {
    return {status.code(), status.message() +
                               ". `kubectl config get-contexts` lists them; choose one by "
                               "--context."};
  }
  return status;
}

}  // namespace

ClusterFlags::ClusterFlags(config::Settings& settings)
    : kubeconfig(settings.String("kubeconfig", "",
                                 "The kubeconfig; KUBECONFIG or ~/.kube/config where none is "
                                 "given.",
                                 "FILE")),
      context(settings.String("context", "", "Which of its contexts; the current one if none.")),
      server(settings.String("server", "",
                             "Where the API server is, without credentials: for `kubectl proxy`.",
                             "URL")),
      ns(settings.String("namespace", "", "The namespace; the context's if none is given.")) {
  settings.Letter("namespace", 'n');
}

Result<std::unique_ptr<kube::Client>> ClusterFlags::Connect() const {
  kube::ClusterAccess access;
  if (!server.empty()) {
    access.server = server;
  } else {
    Result<kube::ClusterAccess> detected = kube::ClusterAccess::Detect(kubeconfig, context);
    if (!detected.ok()) return WithAdvice(detected.status());
    access = *std::move(detected);
  }
  kube::ClientOptions options;
  options.field_manager = "kubectl-millrace";
  options.user_agent = "kubectl-millrace";
  options.retry_time_max = std::chrono::seconds(10);
  return std::make_unique<kube::Client>(std::move(access), std::move(options));
}

std::string ClusterFlags::Namespace(const kube::Client& client) const {
  return ns.empty() ? client.access().ns : ns;
}

const bool& AllNamespacesFlag(config::Settings& settings) {
  const bool& all = settings.Bool("all-namespaces", false, "Look in every namespace.");
  settings.Letter("all-namespaces", 'A');
  return all;
}

std::string ExplainFailure(const Status& status, const std::string& server) {
  std::string text = status.message();
  // What ends with a line to paste ends as it is.
  const bool has_lines = text.find('\n') != std::string::npos;
  if (has_lines) return text;
  if (!text.empty() && text.back() != '.') text += '.';
  switch (status.code()) {
    case Code::kAccessDenied:
      return text +
             " The kubeconfig's user may not do this: ask for the right, or choose another user by "
             "--context.";
    case Code::kUnsupported:
      return text +
             " The cluster does not know Millrace's kinds: install the chart first (helm install), "
             "or look at another cluster by --context.";
    case Code::kUnavailable:
    case Code::kTimeout:
      if (server.empty()) return text;
      return text + " The API server " + server +
             " gives no answer: is the cluster up, and is this the right --context?";
    default:
      return text;
  }
}

int FailOnCluster(std::string_view command, const Status& status, const std::string& server) {
  std::fprintf(stderr, "kubectl millrace %s: %s\n", std::string(command).c_str(),
               ExplainFailure(status, server).c_str());
  return 1;
}

}  // namespace millrace::cli
