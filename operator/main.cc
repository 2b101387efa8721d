// millrace-operator: turns Streams, StreamPools and what belongs to them into pods and shard maps.
#include <linux/close_range.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "common/admin/admin_server.h"
#include "common/base/heap.h"
#include "common/log/log.h"
#include "operator/operator_settings.h"

namespace millrace {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitLostLead = 3;

int Fail(const Status& status) {
  log::Error("cannot start", {{"error", status.ToString()}});
  return kExitFailed;
}

log::Level LevelOf(const std::string& name) {
  return name == "debug"     ? log::Level::kDebug
         : name == "warning" ? log::Level::kWarning
         : name == "error"   ? log::Level::kError
                             : log::Level::kInfo;
}

// As a standby, with nothing of what led left over. In this process's place: an end would be a
// crash to the kubelet, which lets more and more time pass before each start, just when an API
// server that was away is back.
[[noreturn]] void StartAgain(char** arguments) {
  log::Error("the lead is lost; starting again as a standby");
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execv("/proc/self/exe", arguments);
  std::_Exit(kExitLostLead);
}

int Run(const op::OperatorSettings& settings, const sigset_t& signals, char** arguments) {
  if (settings.internal_token.empty()) {
    return Fail(InvalidArgument("MILLRACE_INTERNAL_TOKEN is needed: shard pods ask for it"));
  }
  Result<op::ClusterOperatorOptions> options = settings.Options();
  if (!options.ok()) return Fail(options.status());
  Result<kube::ClusterAccess> access =
      kube::ClusterAccess::Detect(settings.kubeconfig, settings.context);
  if (!access.ok()) return Fail(access.status());

  metrics::Registry registry;
  kube::ClientOptions client_options;
  client_options.field_manager = "millrace-operator";
  client_options.user_agent = "millrace-operator";
  client_options.metrics = &registry;
  kube::Client client(std::move(*access), client_options);
  options->metrics = &registry;
  op::ClusterOperator cluster(client, SystemClock(), std::move(*options),
                              [arguments] { StartAgain(arguments); });
  IoThreads io(1, "admin");
  admin::AdminServerOptions admin_options;
  admin_options.listen = settings.admin_listen;
  admin_options.not_ready = [&] { return cluster.Problem(); };
  admin_options.before_metrics = [&] { cluster.PublishFigures(); };
  admin::AdminServer admin(io, registry, std::move(admin_options));
  const Result<uint16_t> port = admin.Start();
  if (!port.ok()) return Fail(port.status());
  cluster.Start();
  int received = 0;
  sigwait(&signals, &received);
  log::Info("stopping");
  cluster.Stop();
  admin.Stop();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  millrace::LimitHeaps(1);
  millrace::config::Settings settings("millrace-operator [FLAG]...",
                                      "Reconciles Millrace's resources in a Kubernetes cluster.");
  const millrace::op::OperatorSettings operator_settings(settings);
  settings.ParseOrExit(argc, argv);
  millrace::log::Configure("operator", millrace::LevelOf(operator_settings.log_level));
  // Before any thread is made, so that all of them block these.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return millrace::Run(operator_settings, signals, argv);
}
