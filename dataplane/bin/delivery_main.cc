// millrace-delivery: delivers one DeliveryStream, as its plan says.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "common/admin/admin_server.h"
#include "common/base/open_files.h"
#include "common/config/setting.h"
#include "common/log/log.h"
#include "dataplane/delivery/service/delivery_service.h"

namespace millrace {
namespace {

constexpr int kExitFailed = 1;
constexpr time_t kRefreshSeconds = 1;
constexpr uint64_t kMemoryMin = 16 << 20;
constexpr uint64_t kMemoryMax = uint64_t{64} << 30;
constexpr uint64_t kSpillMax = uint64_t{16} << 40;

struct DeliverySettings {
  explicit DeliverySettings(config::Settings& s)
      : plan(s.String("plan", "", "The delivery plan; read again when it changes.", "FILE")),
        data(s.String("data", "", "Folder for what does not fit into memory.", "DIR")),
        name(s.String("name", "delivery-0", "This replica's name.")),
        admin_listen(s.String("admin-listen", "127.0.0.1:0",
                              "Health, metrics and the report for the operator.", "HOST:PORT")),
        buffer_bytes_max(s.Size("buffer-bytes-max", 384 << 20, {kMemoryMin, kMemoryMax},
                                "Memory for buffered records; more is spilled.")),
        spill_bytes_max(s.Size("spill-bytes-max", uint64_t{8} << 30, {0, kSpillMax},
                               "Disk for spilled records; then the source waits.")),
        log_level(s.Choice("log-level", "info", {"debug", "info", "warning", "error"},
                           "Which lines are written.")) {}

  log::Level LogLevel() const {
    return log_level == "debug"     ? log::Level::kDebug
           : log_level == "warning" ? log::Level::kWarning
           : log_level == "error"   ? log::Level::kError
                                    : log::Level::kInfo;
  }

  const std::string& plan;
  const std::string& data;
  const std::string& name;
  const std::string& admin_listen;
  const uint64_t& buffer_bytes_max;
  const uint64_t& spill_bytes_max;
  const std::string& log_level;
};

int Fail(const Status& status) {
  log::Error("cannot start", {{"error", status.ToString()}});
  return kExitFailed;
}

int Run(const DeliverySettings& settings, const sigset_t& signals) {
  const Status raised = RaiseOpenFilesLimit().status();
  if (!raised.ok()) log::Warning("few files can be open", {{"error", raised.ToString()}});
  if (settings.plan.empty() || settings.data.empty())
    return Fail(InvalidArgument("--plan and --data are needed"));
  std::error_code error;
  std::filesystem::create_directories(settings.data, error);
  if (error) return Fail(ErrnoStatus(error.value(), "mkdir " + settings.data));

  metrics::Registry registry;
  delivery::DeliveryOptions options{.plan_path = settings.plan, .name = settings.name, .build = {}};
  options.build.spill_folder = settings.data;
  options.build.memory_bytes_max = settings.buffer_bytes_max;
  options.build.spill_bytes_max = settings.spill_bytes_max;
  delivery::DeliveryService service(options, registry, SystemClock());

  IoThreads io(1, "delivery-io");
  admin::AdminServerOptions admin_options;
  admin_options.listen = settings.admin_listen;
  admin_options.not_ready = [&] { return service.NotReady(); };
  admin_options.before_metrics = [&] { service.UpdateMetrics(); };
  admin_options.page = [&](std::string_view path) {
    return path == "/internal/v1/delivery" ? service.Report().ToText() : std::string();
  };
  admin::AdminServer admin(io, registry, admin_options);
  const auto port = admin.Start();
  if (!port.ok()) return Fail(port.status());
  std::printf("ready admin=%u\n", *port);
  std::fflush(stdout);

  const timespec wait{kRefreshSeconds, 0};
  do service.Refresh();
  while (sigtimedwait(&signals, nullptr, &wait) < 0);
  log::Info("stopping");
  service.Stop();
  admin.Stop();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  // Blocked before any thread starts, so that only Run takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  millrace::config::Settings parser("millrace-delivery --plan FILE --data DIR [FLAG]...",
                                    "Delivers the records of one DeliveryStream.");
  const millrace::DeliverySettings settings(parser);
  parser.ParseOrExit(argc, argv);
  millrace::log::Configure("delivery", settings.LogLevel());
  return millrace::Run(settings, signals);
}
