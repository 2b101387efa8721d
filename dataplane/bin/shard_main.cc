// millrace-shard: serves the shards of one pod and is the one endpoint of an installation.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "common/base/open_files.h"
#include "common/log/log.h"
#include "dataplane/gateway/shard_settings.h"

namespace millrace {
namespace {

constexpr int kExitFailed = 1;
// What the supervisor sees of a fenced log: start again at once, it recovers.
constexpr int kExitFenced = 75;
constexpr time_t kRefreshSeconds = 1;

int Fail(const Status& status) {
  log::Error("cannot start", {{"error", status.ToString()}});
  return kExitFailed;
}

// Blocks until one of the signals; reads changed access keys and certificates meanwhile.
void AwaitSignal(const sigset_t& signals, gateway::KeyFile* keys, gateway::ShardServer& server) {
  const timespec wait{kRefreshSeconds, 0};
  while (sigtimedwait(&signals, nullptr, &wait) < 0) {
    if (keys != nullptr) keys->Refresh();
    server.Refresh();
  }
}

int Run(const gateway::ShardSettings& settings, const sigset_t& signals) {
  const Status raised = RaiseOpenFilesLimit().status();
  if (!raised.ok()) log::Warning("few files can be open", {{"error", raised.ToString()}});
  if (settings.data.empty()) return Fail(InvalidArgument("--data is needed"));
  std::error_code error;
  std::filesystem::create_directories(settings.data, error);
  if (error) return Fail(ErrnoStatus(error.value(), "mkdir " + settings.data));
  const auto keys = settings.OpenAccessKeys();
  if (!keys.ok()) return Fail(keys.status().WithContext("access keys"));
  const auto master_key = settings.OpenMasterKey();
  if (!master_key.ok()) return Fail(master_key.status().WithContext("master key"));

  gateway::ShardServerOptions options = settings.ServerOptions();
  options.keys = keys->get();
  options.master_key = master_key->get();
  options.on_fenced = [](const Status& status) {
    log::Error("the log is fenced: nothing more is acknowledged, restarting",
               {{"error", status.ToString()}});
    std::_Exit(kExitFenced);
  };
  const auto server = gateway::ShardServer::Start(std::move(options));
  if (!server.ok()) return Fail(server.status());
  std::printf("ready listen=%u tls=%u admin=%u peer=%u\n", (*server)->port(), (*server)->tls_port(),
              (*server)->admin_port(), (*server)->peer_port());
  std::fflush(stdout);
  AwaitSignal(signals, keys->get(), **server);
  log::Info("stopping");
  const timespec at_once{0, 0};
  (*server)->Leave([&] { return sigtimedwait(&signals, nullptr, &at_once) > 0; });
  (*server)->Stop();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  // Blocked before any thread starts, so that only AwaitSignal takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  millrace::config::Settings parser("millrace-shard --data DIR [FLAG]...",
                                    "Serves the shards of one pod and the AWS data APIs for them.");
  const millrace::gateway::ShardSettings settings(parser);
  parser.ParseOrExit(argc, argv);
  millrace::log::Configure("shard", settings.LogLevel());
  return millrace::Run(settings, signals);
}
