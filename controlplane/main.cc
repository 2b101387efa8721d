// millrace-controlplane: the AWS control operations and the resource API over Kubernetes.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "common/admin/admin_server.h"
#include "common/config/setting.h"
#include "common/kube_store/kube_store.h"
#include "common/log/log.h"
#include "controlplane/firehose/firehose_service.h"
#include "controlplane/kinesis/operations.h"
#include "controlplane/server/control_server.h"

namespace millrace {
namespace {

struct Options {
  explicit Options(config::Settings& s)
      : ns(s.String("namespace", "default", "Where streams made through the API live.", "NAME")),
        watch_namespaces(
            s.List("watch-namespaces", "Where streams are seen; everywhere if empty.", "NAME")),
        listen(s.String("listen", "127.0.0.1:8080", "Where gateways are served.", "HOST:PORT")),
        admin_listen(s.String("admin-listen", "127.0.0.1:0", "Where to serve health and metrics.",
                              "HOST:PORT")),
        internal_token(s.String("internal-token", "",
                                "What gateways show to be believed, for the environment "
                                "(MILLRACE_INTERNAL_TOKEN).",
                                "TEXT")),
        kubeconfig(s.String("kubeconfig", "",
                            "How to reach the cluster; in a pod its service account says so.",
                            "FILE")),
        endpoint(s.String("endpoint", "", "The public endpoint, for answers that name it.", "URL")),
        region(s.String("region", "us-east-1", "The region of every stream.", "NAME")),
        account(s.String("account", "000000000000", "The account of every stream.", "DIGITS")),
        workers(s.Int("workers", 8, {1, 256}, "Calls that are answered at a time.")),
        log_level(s.Choice("log-level", "info", {"debug", "info", "warning", "error"},
                           "What is worth a line.")) {}
  const std::string& ns;
  const std::vector<std::string>& watch_namespaces;
  const std::string& listen;
  const std::string& admin_listen;
  const std::string& internal_token;
  const std::string& kubeconfig;
  const std::string& endpoint;
  const std::string& region;
  const std::string& account;
  const int64_t& workers;
  const std::string& log_level;

  log::Level LogLevel() const {
    if (log_level == "debug") return log::Level::kDebug;
    if (log_level == "warning") return log::Level::kWarning;
    return log_level == "error" ? log::Level::kError : log::Level::kInfo;
  }
};

int Fail(const Status& status) {
  log::Error("cannot start", {{"error", status.ToString()}});
  return EXIT_FAILURE;
}

resources::KubeStoreOptions StoreOptions(const Options& options) {
  resources::KubeStoreOptions store;
  store.namespaces = options.watch_namespaces;
  store.cached_kinds = {std::string(resources::kStreamKind), std::string(resources::kShardMapKind)};
  // What one control plane has made, another is asked about in the next moment.
  store.confirmed_kinds = {std::string(resources::kStreamKind)};
  store.lists_streams = true;
  return store;
}

// Entries beside those that are there already stay.
Status WriteSecret(kube::Client& client, const resources::ResourceKey& key,
                   const std::map<std::string, std::string>& entries) {
  json::Value secret;
  secret.Set("apiVersion", "v1");
  secret.Set("kind", "Secret");
  secret["metadata"].Set("name", key.name);
  secret["metadata"].Set("namespace", key.ns);
  for (const auto& [name, value] : entries) secret["stringData"].Set(name, value);
  return client.Apply(kube::types::Secret(), std::move(secret)).status();
}

// Where the chart has installed no DeliveryStreams, nobody would make what is created here.
net::HttpResponse ServeFirehose(const controlplane::FirehoseService& firehose, kube::Client& client,
                                const net::HttpRequest& request, aws::RequestContext context) {
  const Result<bool> served =
      client.Serves(kube::MillraceType("DeliveryStream", "deliverystreams"));
  if (!served.ok() || *served) return firehose.Dispatch(request, std::move(context));
  return aws::ErrorResponse(
      aws::NamedError(400, "UnknownOperationException",
                      "Delivery streams are not offered on this cluster: it has no DeliveryStream "
                      "resources."),
      aws::Protocol::kJson, context.request_id);
}

int Run(const Options& options, const sigset_t& signals) {
  if (options.internal_token.empty())
    return Fail(InvalidArgument("MILLRACE_INTERNAL_TOKEN is needed"));
  Result<kube::ClusterAccess> access = kube::ClusterAccess::Detect(options.kubeconfig);
  if (!access.ok()) return Fail(access.status());
  metrics::Registry metrics;
  kube::ClientOptions client_options;
  client_options.field_manager = client_options.user_agent = "millrace-controlplane";
  client_options.metrics = &metrics;
  kube::Client client(*access, client_options);
  resources::KubeStore store(client, StoreOptions(options));

  controlplane::CatalogOptions catalog_options;
  catalog_options.region = options.region;
  catalog_options.account = options.account;
  catalog_options.ns = options.ns;
  catalog_options.list_after = [&store](std::string_view stream_name, size_t count) {
    return store.StreamsAfter(stream_name, count);
  };
  catalog_options.use = [&store]() -> Result<controlplane::AccountUse> {
    ASSIGN_OR_RETURN(const resources::StreamTotals totals, store.TotalOfStreams());
    return controlplane::AccountUse{totals.open_shards, totals.on_demand};
  };
  controlplane::Catalog catalog(store, catalog_options);
  // The same secret everywhere, so that each replica reads the tokens of the others.
  controlplane::PageTokens tokens(SystemClock(), options.internal_token);
  controlplane::KinesisControl kinesis{catalog, SystemClock(), tokens, {}};
  aws::Dispatcher dispatcher;
  controlplane::AddKinesisOperations(kinesis, dispatcher);

  controlplane::DeliveryCatalog deliveries(store, catalog_options);
  controlplane::FirehoseControl firehose_control{deliveries, catalog, SystemClock(),
                                                 [&client](const auto& key, const auto& entries) {
                                                   return WriteSecret(client, key, entries);
                                                 }};
  const controlplane::FirehoseService firehose(firehose_control);

  IoThreads io(1, "control-io");
  admin::AdminServerOptions admin_options;
  admin_options.listen = options.admin_listen;
  admin_options.not_ready = [&] {
    return store.HasSynced() ? std::string() : store.Health().message();
  };
  admin::AdminServer admin(io, metrics, std::move(admin_options));
  controlplane::ControlServerOptions server_options;
  server_options.listen = options.listen;
  server_options.token = options.internal_token;
  server_options.endpoint = options.endpoint;
  server_options.workers = static_cast<size_t>(options.workers);
  server_options.services.push_back(
      {std::string(controlplane::FirehoseService::kTargetPrefix),
       [&](const net::HttpRequest& request, aws::RequestContext context) {
         return ServeFirehose(firehose, client, request, std::move(context));
       }});
  controlplane::ControlServer server(io, server_options, dispatcher, store);
  store.Start();
  Result<uint16_t> admin_port = admin.Start();
  if (!admin_port.ok()) return Fail(admin_port.status());
  Result<uint16_t> port = server.Start();
  if (!port.ok()) return Fail(port.status());
  std::printf("ready listen=%u admin=%u\n", *port, *admin_port);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  log::Info("stopping");
  server.Stop();
  admin.Stop();
  store.Stop();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace millrace

int main(int argc, char** argv) {
  // Blocked before any thread starts, so that only sigwait takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  millrace::config::Settings parser("millrace-controlplane [FLAG]...",
                                    "Serves the AWS control operations over Kubernetes.");
  const millrace::Options options(parser);
  parser.ParseOrExit(argc, argv);
  millrace::log::Configure("controlplane", options.LogLevel());
  return millrace::Run(options, signals);
}
