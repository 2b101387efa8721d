#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/command.h"
#include "cli/standalone.h"
#include "common/config/setting.h"
#include "common/log/log.h"

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

// An endpoint that a client on this machine can use, also for a wildcard address.
std::string PublicEndpoint(const std::string& listen) {
  size_t colon = listen.rfind(':');
  std::string host = listen.substr(0, colon);
  if (host.empty() || host == "0.0.0.0" || host == "[::]") host = "127.0.0.1";
  return "http://" + host + listen.substr(colon);
}

void PrintFirstSteps(const StandaloneOptions& options, const std::string& endpoint) {
  std::printf("millrace is ready at %s\n", endpoint.c_str());
  if (!options.tls_listen.empty()) std::printf("  TLS on %s\n", options.tls_listen.c_str());
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

  StandaloneOptions options{data,       listen,   PublicEndpoint(listen),
                            tls_listen, tls_cert, tls_key,
                            auth,       keys,     master,
                            region,     account,  enforce,
                            level,      files};
  Result<std::unique_ptr<Standalone>> standalone = Standalone::Start(options);
  if (!standalone.ok()) {
    std::fprintf(stderr, "millrace up: %s\n", standalone.status().message().c_str());
    return 1;
  }
  PrintFirstSteps(options, options.endpoint);
  WaitForSignal(signals);
  (*standalone)->Stop();
  return 0;
}

}  // namespace millrace::cli
