#include "operator/pool/pool_objects.h"

#include "common/codec/digest.h"
#include "operator/engine/drain_gate.h"

namespace millrace::op {

using json::Value;

namespace {

Value LabelsValue(const std::map<std::string, std::string>& labels) {
  Value out = json::Object{};
  for (const auto& [key, text] : labels) out.Set(key, text);
  return out;
}

Value Selector(const PoolInput& input) {
  Value out = json::Object{};
  out.Set("app.kubernetes.io/component", "shard");
  out.Set("millrace.dev/pool", kube::NameOf(input.pool).name);
  return out;
}

// An object of the pool's namespace that goes with it.
Value Part(const PoolInput& input, const char* api_version, const char* kind, std::string name) {
  const kube::ObjectName pool = kube::NameOf(input.pool);
  Value out;
  out.Set("apiVersion", api_version);
  out.Set("kind", kind);
  out["metadata"].Set("name", std::move(name));
  out["metadata"].Set("namespace", pool.ns);
  out["metadata"].Set("labels", LabelsValue(PoolLabels(pool.name)));
  out["metadata"].Set("ownerReferences",
                      json::Array{kube::ControllerReference(StreamPoolType(), input.pool)});
  return out;
}

Value Port(const char* name, int number) {
  Value out;
  out.Set("name", name);
  out.Set("port", int64_t{number});
  out.Set("protocol", "TCP");
  out.Set("targetPort", name);
  return out;
}

Value PolicyPort(const char* name) {
  Value out;
  out.Set("port", name);
  out.Set("protocol", "TCP");
  return out;
}

// Pods of ours, in whatever namespace.
Value OwnPods() {
  Value out;
  out.Set("namespaceSelector", json::Object{});
  out["podSelector"]["matchLabels"].Set("app.kubernetes.io/name", "millrace");
  return out;
}

std::string Hex(std::string_view text, size_t digits) {
  return codec::Hex(codec::Sha256(text)).substr(0, digits);
}

}  // namespace

const kube::ResourceType& StreamPoolType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("StreamPool", "streampools"));
  return *type;
}

const kube::ResourceType& PoolWorkloadType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("Workload", "workloads"));
  return *type;
}

std::map<std::string, std::string> PoolLabels(const std::string& pool) {
  return {{"app.kubernetes.io/name", "millrace"},
          {"app.kubernetes.io/component", "shard"},
          {"app.kubernetes.io/part-of", "millrace"},
          {"app.kubernetes.io/instance", pool},
          {"app.kubernetes.io/managed-by", "millrace-operator"},
          {"millrace.dev/pool", pool}};
}

std::string PoolRevision(const PoolInput& input) {
  const resources::StreamPoolSpec& spec = input.spec;
  json::Array inputs = {
      input.image,         spec.image_pull_policy, spec.cpu_request,
      spec.cpu_limit,      spec.memory_request,    spec.memory_limit,
      spec.priority_class, spec.authentication,    spec.tls_secret,
      spec.log_level,      spec.tolerations,       LabelsValue(spec.node_selector)};
  json::Array names;
  for (const std::string& name : spec.image_pull_secrets) names.emplace_back(name);
  inputs.emplace_back(std::move(names));
  json::Array keys;
  for (const std::string& key : spec.topology_keys) keys.emplace_back(key);
  inputs.emplace_back(std::move(keys));
  constexpr size_t kRevisionDigits = 10;
  return Hex(json::WriteJson(Value(std::move(inputs))), kRevisionDigits);
}

Value PoolWorkload(const PoolInput& input) {
  resources::WorkloadSpec spec;
  spec.replicas = input.spec.replicas;
  spec.revision = PoolRevision(input);
  spec.pod_template = PoolPodTemplate(input);
  spec.selector = PoolLabels(kube::NameOf(input.pool).name);
  spec.volume_size = input.volume_size;
  spec.storage_class = input.spec.storage_class;
  spec.deletion_policy = input.spec.deletion_policy;
  spec.rollout = input.spec.rollout;
  Value out = Part(input, "millrace.dev/v1alpha1", "Workload", kube::NameOf(input.pool).name);
  const std::string& anyway =
      input.pool.At("metadata", "annotations")[kRestartAnywayAnnotation].AsString();
  // Written down either way, so that what is taken back goes away there, too.
  out["metadata"]["annotations"].Set(kRestartAnywayAnnotation, anyway == "true" ? "true" : "false");
  out.Set("spec", spec.ToValue());
  return out;
}

Value PoolHeadlessService(const PoolInput& input) {
  Value out = Part(input, "v1", "Service", kube::NameOf(input.pool).name);
  Value& spec = out["spec"];
  spec.Set("clusterIP", "None");
  // A pod that is not ready yet is still asked for what only it has.
  spec.Set("publishNotReadyAddresses", true);
  spec.Set("selector", Selector(input));
  spec.Set("ports", json::Array{Port("peer", kShardPeerPort), Port("admin", kShardAdminPort)});
  return out;
}

Value PoolClientService(const PoolInput& input) {
  Value out = Part(input, "v1", "Service", kube::NameOf(input.pool).name + "-clients");
  Value http = Port("http", 80);
  Value https = Port("https", 443);
  Value& spec = out["spec"];
  spec.Set("type", "ClusterIP");
  spec.Set("selector", Selector(input));
  spec.Set("ports", json::Array{std::move(http), std::move(https)});
  return out;
}

std::string PoolEndpoint(const PoolInput& input) {
  const kube::ObjectName pool = kube::NameOf(input.pool);
  return "https://" + pool.name + "-clients." + pool.ns + ".svc";
}

Value PoolDisruptionBudget(const PoolInput& input) {
  Value out = Part(input, "policy/v1", "PodDisruptionBudget", kube::NameOf(input.pool).name);
  Value& spec = out["spec"];
  spec.Set("maxUnavailable", int64_t{1});
  // A pod that serves nothing must not hold up the drain of its node.
  spec.Set("unhealthyPodEvictionPolicy", "AlwaysAllow");
  spec["selector"].Set("matchLabels", Selector(input));
  return out;
}

Value PoolNetworkPolicy(const PoolInput& input) {
  Value clients;
  clients.Set("ports", json::Array{PolicyPort("http"), PolicyPort("https")});
  Value peers;
  peers.Set("ports", json::Array{PolicyPort("peer")});
  peers.Set("from", json::Array{OwnPods()});
  // Health and metrics are open, as probes and scrapers come from anywhere; what the operator asks
  // there besides needs the internal token.
  Value admin;
  admin.Set("ports", json::Array{PolicyPort("admin")});
  Value out = Part(input, "networking.k8s.io/v1", "NetworkPolicy", kube::NameOf(input.pool).name);
  Value& spec = out["spec"];
  spec["podSelector"].Set("matchLabels", Selector(input));
  spec.Set("policyTypes", json::Array{"Ingress"});
  spec.Set("ingress", json::Array{std::move(clients), std::move(peers), std::move(admin)});
  return out;
}

Value PoolConfigMap(const PoolInput& input) {
  Value out = Part(input, "v1", "ConfigMap", kube::NameOf(input.pool).name + "-connection");
  Value& data = out["data"];
  data.Set("AWS_ENDPOINT_URL_KINESIS", PoolEndpoint(input));
  data.Set("AWS_REGION", input.settings.region);
  return out;
}

std::string KeysSecretName(const std::string& pool) { return pool + "-keys"; }

Value PoolKeysSecret(const PoolInput& input, const std::string& master_key) {
  Value out = Part(input, "v1", "Secret", KeysSecretName(kube::NameOf(input.pool).name));
  out["metadata"].Remove("ownerReferences");
  out.Set("type", "Opaque");
  out["stringData"].Set("master-key", master_key);
  return out;
}

Value PoolTokenSecret(const PoolInput& input) {
  Value out = Part(input, "v1", "Secret", input.settings.internal_token_secret);
  // Several pools of one namespace share it.
  out["metadata"].Remove("ownerReferences");
  out.Set("type", "Opaque");
  out["stringData"].Set("token", input.settings.internal_token);
  return out;
}

const std::vector<std::string>& PoolPullSecrets(const PoolInput& input) {
  const bool names_some = !input.spec.image_pull_secrets.empty();
  return names_some ? input.spec.image_pull_secrets : input.settings.image_pull_secrets;
}

std::string AccessKeysSecretName(const std::string& pool) { return pool + "-access-keys"; }

}  // namespace millrace::op
