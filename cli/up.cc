#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include "cli/command.h"
#include "cli/standalone.h"
#include "common/base/open_files.h"
#include "common/config/setting.h"
#include "common/log/log.h"
#include "common/net/listening_socket.h"

namespace millrace::cli {
namespace {

std::string DefaultDataFolder() {
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : "/var/lib") + "/.millrace";
}

// Waits for SIGINT or SIGTERM, which every thread blocks.
void WaitForSignal(const sigset_t& signals) {
  int received = 0;
  sigwait(&signals, &received);
}

// The sockets of the endpoint. They stay open while the shard process restarts, so that clients
// wait to be accepted then and none is refused.
struct Sockets {
  net::ListeningSocket plain;
  std::optional<net::ListeningSocket> tls;
};

// A shard process whose supervisor was killed a moment ago still holds the port.
constexpr std::chrono::milliseconds kPortFreeWithin{2000};
constexpr std::chrono::milliseconds kPortRetry{20};

Result<net::ListeningSocket> OpenSocket(const std::string& address) {
  const auto began = std::chrono::steady_clock::now();
  while (true) {
    Result<net::ListeningSocket> socket = net::ListeningSocket::Open(address);
    const bool late = std::chrono::steady_clock::now() > began + kPortFreeWithin;
    if (socket.ok() || socket.status().code() == Code::kInvalidArgument || late) return socket;
    std::this_thread::sleep_for(kPortRetry);
  }
}

Result<Sockets> OpenSockets(const std::string& listen, const std::string& tls_listen) {
  ASSIGN_OR_RETURN(net::ListeningSocket plain, OpenSocket(listen));
  Sockets sockets{std::move(plain), std::nullopt};
  if (!tls_listen.empty()) {
    ASSIGN_OR_RETURN(net::ListeningSocket tls, OpenSocket(tls_listen));
    sockets.tls = std::move(tls);
  }
  return sockets;
}

// Where a client on this machine finds it, also for a wildcard address.
std::string PublicAddress(const std::string& listen, const net::ListeningSocket& socket) {
  std::string host = listen.substr(0, listen.rfind(':'));
  if (host.empty() || host == "0.0.0.0" || host == "[::]") host = "127.0.0.1";
  return host + ":" + std::to_string(socket.port());
}

void PrintFirstSteps(const StandaloneOptions& options, const std::string& tls_address) {
  const std::string& endpoint = options.endpoint;
  std::printf("millrace is ready at %s\n", endpoint.c_str());
  if (!tls_address.empty()) std::printf("  TLS on %s\n", tls_address.c_str());
  std::printf("  data in %s\n  AWS SDKs: export AWS_ENDPOINT_URL=%s AWS_REGION=us-east-1",
              options.data.c_str(), endpoint.c_str());
  if (options.auth == "none") std::printf(" AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any");
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int RunUp(const Arguments& arguments) {
  config::Settings settings(
      "millrace up [FLAG]...",
      "Runs operator, control plane and data plane on this machine behind one endpoint, until "
      "SIGTERM or Ctrl-C.");
  const auto& data =
      settings.String("data", DefaultDataFolder(), "Where data and resources are kept.", "DIR");
  const auto& listen =
      settings.String("listen", "127.0.0.1:4566", "Where to serve in clear text.", "HOST:PORT");
  const auto& tls_listen =
      settings.String("tls-listen", "", "Where to serve in TLS as well.", "HOST:PORT");
  const auto& tls_cert =
      settings.String("tls-cert", "", "Certificate (PEM); self-made if not given.", "FILE");
  const auto& tls_key = settings.String("tls-key", "", "Key of the certificate (PEM).", "FILE");
  const auto& auth =
      settings.Choice("auth", "none", {"none", "sigv4"}, "Whether requests must be signed.");
  const auto& keys = settings.String(
      "access-keys", "", "YAML list of accessKeyId, secretAccessKey for --auth sigv4.", "FILE");
  const auto& master = settings.String(
      "master-key-file", "", "The 32-byte key that wraps data keys; made if not given.", "FILE");
  const auto& region = settings.String("region", "us-east-1", "The region in ARNs.");
  const auto& account =
      settings.String("account", "000000000000", "The account in ARNs.", "12 DIGITS");
  const auto& enforce = settings.Bool("enforce-on-demand-limits", false,
                                      "Apply AWS's per-shard limits to ON_DEMAND streams too.");
  const auto& level = settings.Choice("log-level", "info", {"debug", "info", "warning", "error"},
                                      "What is logged.");
  const auto& files = settings.List("filename", "Resources to apply at the start.", "FILE|DIR");
  settings.Letter("filename", 'f');
  settings.ParseOrExit(arguments);

  log::Configure("up", level == "debug"     ? log::Level::kDebug
                       : level == "warning" ? log::Level::kWarning
                       : level == "error"   ? log::Level::kError
                                            : log::Level::kInfo);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // The shard process inherits it.
  const Status raised = RaiseOpenFilesLimit().status();
  if (!raised.ok()) log::Warning("few files can be open", {{"error", raised.ToString()}});

  const Result<Sockets> sockets = OpenSockets(listen, tls_listen);
  if (!sockets.ok()) {
    std::fprintf(stderr, "millrace up: %s\n", sockets.status().message().c_str());
    return 1;
  }
  StandaloneOptions options{data,   "fd:3",   "http://" + PublicAddress(listen, sockets->plain),
                            "",     tls_cert, tls_key,
                            auth,   keys,     master,
                            region, account,  enforce,
                            level,  files,    {sockets->plain.fd()}};
  std::string tls_address;
  if (sockets->tls) {
    tls_address = PublicAddress(tls_listen, *sockets->tls);
    options.tls_listen = "fd:4";
    options.sockets.push_back(sockets->tls->fd());
  }
  Result<std::unique_ptr<Standalone>> standalone = Standalone::Start(options);
  if (!standalone.ok()) {
    std::fprintf(stderr, "millrace up: %s\n", standalone.status().message().c_str());
    return 1;
  }
  PrintFirstSteps(options, tls_address);
  WaitForSignal(signals);
  (*standalone)->Stop();
  return 0;
}

}  // namespace millrace::cli
