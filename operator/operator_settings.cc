#include "operator/operator_settings.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "common/base/random.h"
#include "common/resources/stream_pool_resource.h"

namespace millrace::op {
namespace {

constexpr int32_t kDeliveryWorkersMax = 1000;  // as many pods as a Workload can have
constexpr const char* kDeliveredFolder = "/data/delivered";
constexpr Duration kFirstStatusAfter = std::chrono::seconds(1);

std::vector<std::string> SplitByComma(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

// Ours is among them: the default pool is there, and streams made by SDKs.
std::vector<std::string> WithOwn(std::vector<std::string> watched, const std::string& own) {
  const bool is_there = std::find(watched.begin(), watched.end(), own) != watched.end();
  if (!watched.empty() && !is_there) watched.push_back(own);
  return watched;
}

std::string Join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

Result<json::Value> ReadDocument(const std::string& path) {
  std::ifstream file(path);
  if (!file) return NotFound("cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  ASSIGN_OR_RETURN(std::vector<json::Value> documents, json::ParseYaml(text.str()));
  if (documents.size() != 1) return InvalidArgument(path + ": one document is wanted");
  return std::move(documents[0]);
}

Result<json::Value> ReadPool(const std::string& path) {
  ASSIGN_OR_RETURN(json::Value pool, ReadDocument(path));
  if (pool["kind"].AsString() != resources::kStreamPoolKind) {
    return InvalidArgument(path + ": kind must be StreamPool");
  }
  Result<resources::StreamPoolSpec> spec = resources::StreamPoolSpec::Parse(pool["spec"]);
  if (!spec.ok()) return spec.status().WithContext(path);
  return pool;
}

}  // namespace

OperatorSettings::OperatorSettings(config::Settings& s)
    : ns(s.String("namespace", "millrace", "Where this operator and its pools live.")),
      release(s.String("release", "millrace", "Name of the Helm release.")),
      image(s.String("image", "", "Image of shard pods whose pool names none.")),
      watch_namespaces(s.String("watch-namespaces", "",
                                "Namespaces that are looked at, besides its own; all if empty.",
                                "NAME,NAME")),
      admin_listen(s.String("admin-listen", "127.0.0.1:8080", "Where to serve health and metrics.",
                            "HOST:PORT")),
      control_endpoint(
          s.String("control-endpoint", "", "Where shard pods reach the control plane.", "URL")),
      internal_token_secret(s.String("internal-token-secret", "millrace-internal",
                                     "Secret with the internal token, under the key token.",
                                     "NAME")),
      image_pull_secrets(s.String("image-pull-secrets", "",
                                  "Secrets that images are pulled with, for pools that name none; "
                                  "pools in other namespaces get copies.",
                                  "NAME,NAME")),
      internal_token(s.String("internal-token", "",
                              "What is in it, for the environment (MILLRACE_INTERNAL_TOKEN).",
                              "TEXT")),
      lease(s.String("lease", "millrace-operator", "Lease of the leader election.", "NAME")),
      pod_name(s.String("pod-name", "", "This pod, in the election and in events.", "NAME")),
      default_pool(s.String("default-pool", "",
                            "A StreamPool that is made when a stream first needs it.", "FILE")),
      delivery(s.String("delivery", "",
                        "How pods of delivery streams look; see the chart's delivery.yaml.",
                        "FILE")),
      region(s.String("region", "us-east-1", "The region in ARNs.")),
      account(s.String("account", "000000000000", "The account in ARNs.", "12 DIGITS")),
      endpoint(s.String("endpoint", "", "What status.endpoint of streams says.", "URL")),
      enforce_on_demand_limits(s.Bool("enforce-on-demand-limits", false,
                                      "AWS's per-shard limits for ON_DEMAND streams, too.")),
      account_binding(s.String("account-binding", "",
                               "ClusterRoleBinding that gets the accounts of pools in other "
                               "namespaces; all accounts are there if empty.",
                               "NAME")),
      peer_tls(
          s.Bool("peer-tls", true, "Shard pods prove themselves to each other with certificates.")),
      tls_names(s.String("tls-names", "",
                         "Names that clients know the endpoint by, besides those of its Services.",
                         "NAME,NAME")),
      kubeconfig(
          s.String("kubeconfig", "", "Of the cluster; the pod's own account if empty.", "FILE")),
      context(s.String("context", "", "Of the kubeconfig; its current one if empty.", "NAME")),
      log_level(s.Choice("log-level", "info", {"debug", "info", "warning", "error"},
                         "What is logged.")) {}

Result<ClusterOperatorOptions> OperatorSettings::Options() const {
  ClusterOperatorOptions options;
  options.pool.release = release;
  options.pool.ns = ns;
  options.pool.image = image;
  options.namespaces = WithOwn(SplitByComma(watch_namespaces), ns);
  options.pool.watch_namespaces = Join(options.namespaces);
  options.pool.control_endpoint = control_endpoint;
  options.pool.internal_token_secret = internal_token_secret;
  options.pool.internal_token = internal_token;
  options.pool.image_pull_secrets = SplitByComma(image_pull_secrets);
  options.pool.account_binding = account_binding;
  options.pool.peer_tls = peer_tls;
  options.client_names = SplitByComma(tls_names);
  options.pool.account = account;
  options.pool.region = region;
  options.stream.in_cluster = true;
  options.stream.first_status_after = kFirstStatusAfter;
  options.stream.ns = ns;
  options.stream.region = region;
  options.stream.account = account;
  options.stream.endpoint =
      endpoint.empty() ? "http://" + release + "-streams." + ns + ".svc" : endpoint;
  options.stream.enforce_on_demand_limits = enforce_on_demand_limits;
  options.internal_token = internal_token;
  options.lease = lease;
  options.identity = (pod_name.empty() ? "operator" : pod_name) + "_" + NewUuid().substr(0, 8);
  if (!default_pool.empty()) {
    ASSIGN_OR_RETURN(options.default_pool, ReadPool(default_pool));
  }
  if (!options.default_pool.is_null()) {
    options.delivery.gateway_pool = kube::NameOf(options.default_pool).name;
  }
  RETURN_IF_ERROR(ReadDelivery(options));
  return options;
}

Status OperatorSettings::ReadDelivery(ClusterOperatorOptions& options) const {
  DeliverySettings& of_streams = options.delivery.settings;
  of_streams.region = region;
  of_streams.account = account;
  of_streams.endpoint = options.stream.endpoint;
  of_streams.internal_token = internal_token;
  of_streams.folder_root = kDeliveredFolder;
  of_streams.workers_max = kDeliveryWorkersMax;
  DeliveryPodSettings& pods = options.delivery.pods;
  pods.release = release;
  pods.ns = ns;
  pods.image = image;
  if (delivery.empty()) return OkStatus();
  ASSIGN_OR_RETURN(const json::Value document, ReadDocument(delivery));
  return pods.Read(document).WithContext(delivery);
}

}  // namespace millrace::op
