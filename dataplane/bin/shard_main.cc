// millrace-shard: serves the shards of one pod and is the one endpoint of an installation.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "common/config/setting.h"
#include "common/log/log.h"
#include "dataplane/gateway/key_file.h"
#include "dataplane/gateway/master_key.h"
#include "dataplane/gateway/shard_server.h"

namespace millrace {
namespace {

// What the supervisor sees: start again at once, the log recovers.
constexpr int kExitFenced = 75;
constexpr int kExitFailed = 1;
constexpr time_t kRefreshSeconds = 1;

struct Flags {
  explicit Flags(config::Settings& s)
      : data(s.String("data", "", "The folder of this process: its log, maps and keys.", "DIR")),
        name(s.String("name", "shard-0", "What shard maps call this process.", "NAME")),
        store(s.String("store", "", "The folder of the file resource store.", "DIR")),
        listen(s.String("listen", "127.0.0.1:4566", "Where to serve HTTP.", "HOST:PORT")),
        tls_listen(
            s.String("tls-listen", "", "Where to serve HTTPS; nowhere if empty.", "HOST:PORT")),
        tls_cert(
            s.String("tls-cert", "", "PEM certificate; one is made where none is given.", "FILE")),
        tls_key(s.String("tls-key", "", "PEM key of the certificate.", "FILE")),
        admin_listen(s.String("admin-listen", "127.0.0.1:0", "Where to serve health and metrics.",
                              "HOST:PORT")),
        control_endpoint(s.String("control-endpoint", "",
                                  "The control plane, for operations that are its.", "URL")),
        auth(s.Choice("auth", "none", {"none", "sigv4"}, "Whether requests must be signed.")),
        access_keys(
            s.String("access-keys", "", "YAML list of accessKeyId and secretAccessKey.", "FILE")),
        master_key_file(s.String(
            "master-key-file", "",
            "32 bytes in hexadecimal or base64 that wrap the keys of encrypted streams.", "FILE")),
        master_key(s.String("master-key", "",
                            "The same, for the environment (MILLRACE_MASTER_KEY).", "TEXT")),
        token(s.String("internal-token", "",
                       "Secret of this run, for the environment (MILLRACE_INTERNAL_TOKEN).",
                       "TEXT")),
        account(s.String("account", "000000000000", "The account of every stream.", "DIGITS")),
        log_level(s.Choice("log-level", "info", {"debug", "info", "warning", "error"},
                           "What is worth a line.")),
        enforce(s.Bool("enforce-on-demand-limits", false,
                       "AWS's per-shard limits for ON_DEMAND streams, too.")) {}

  const std::string &data, &name, &store, &listen, &tls_listen, &tls_cert, &tls_key, &admin_listen,
      &control_endpoint, &auth, &access_keys, &master_key_file, &master_key, &token, &account,
      &log_level;
  const bool& enforce;
};

Result<std::unique_ptr<gateway::MasterKey>> OpenMasterKey(const Flags& flags) {
  if (!flags.master_key.empty()) return gateway::MasterKey::FromText(flags.master_key);
  if (!flags.master_key_file.empty()) return gateway::MasterKey::FromFile(flags.master_key_file);
  return gateway::MasterKey::FromOwnFile(flags.data + "/master.key");
}

log::Level LevelOf(const std::string& name) {
  if (name == "debug") return log::Level::kDebug;
  if (name == "warning") return log::Level::kWarning;
  return name == "error" ? log::Level::kError : log::Level::kInfo;
}

int Fail(const Status& status) {
  log::Error("cannot start", {{"error", status.ToString()}});
  return kExitFailed;
}

// Blocks until SIGTERM or SIGINT; reads changed access keys meanwhile.
void AwaitSignal(const sigset_t& signals, gateway::KeyFile* keys) {
  const timespec wait{kRefreshSeconds, 0};
  while (sigtimedwait(&signals, nullptr, &wait) < 0) {
    if (keys != nullptr) keys->Refresh();
  }
}

int Run(const Flags& flags, const sigset_t& signals) {
  log::Configure("shard", LevelOf(flags.log_level));
  if (flags.data.empty()) return Fail(InvalidArgument("--data is needed"));
  std::error_code error;
  std::filesystem::create_directories(flags.data, error);
  if (error) return Fail(ErrnoStatus(error.value(), "mkdir " + flags.data));
  if (flags.auth == "sigv4" && flags.access_keys.empty()) {
    return Fail(InvalidArgument("--auth sigv4 needs --access-keys"));
  }
  std::unique_ptr<gateway::KeyFile> keys;
  if (flags.auth == "sigv4") {
    auto opened = gateway::KeyFile::Open(flags.access_keys);
    if (!opened.ok()) return Fail(opened.status());
    keys = std::move(opened).value();
  }
  auto master_key = OpenMasterKey(flags);
  if (!master_key.ok()) return Fail(master_key.status().WithContext("master key"));

  gateway::ShardServerOptions options;
  options.data = flags.data;
  options.name = flags.name;
  options.store = flags.store;
  options.listen = flags.listen;
  options.tls_listen = flags.tls_listen;
  options.tls_cert = flags.tls_cert;
  options.tls_key = flags.tls_key;
  options.admin_listen = flags.admin_listen;
  options.token = flags.token;
  options.control_endpoint = flags.control_endpoint;
  options.account = flags.account;
  options.keys = keys.get();
  options.master_key = master_key->get();
  options.enforce_on_demand_limits = flags.enforce;
  options.on_fenced = [](const Status& status) {
    log::Error("the log is fenced: nothing more is acknowledged, restarting",
               {{"error", status.ToString()}});
    std::_Exit(kExitFenced);
  };
  auto server = gateway::ShardServer::Start(std::move(options));
  if (!server.ok()) return Fail(server.status());
  std::printf("ready listen=%u tls=%u admin=%u\n", (*server)->port(), (*server)->tls_port(),
              (*server)->admin_port());
  std::fflush(stdout);
  AwaitSignal(signals, keys.get());
  log::Info("stopping");
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
  millrace::config::Settings settings(
      "millrace-shard --data DIR [FLAG]...",
      "Serves the shards of one pod and the AWS data APIs for them.");
  const millrace::Flags flags(settings);
  settings.ParseOrExit(argc, argv);
  return millrace::Run(flags, signals);
}
