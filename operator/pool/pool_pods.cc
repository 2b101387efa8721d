#include "operator/pool/pool_accounts.h"
#include "operator/pool/pool_objects.h"

namespace millrace::op {

using json::Value;

namespace {

constexpr int64_t kUser = 65532;
constexpr const char* kKeysFolder = "/etc/millrace/access-keys";
constexpr const char* kTlsFolder = "/etc/millrace/tls";
constexpr const char* kPeerTlsFolder = "/etc/millrace/peer-tls";
constexpr const char* kStreamKeysFolder = "/etc/millrace/stream-keys";

Value Variable(const char* name, const std::string& text) {
  Value out;
  out.Set("name", name);
  out.Set("value", text);
  return out;
}

Value FromSecret(const char* variable, const std::string& secret, const char* key) {
  Value out;
  out.Set("name", variable);
  out["valueFrom"]["secretKeyRef"].Set("name", secret);
  out["valueFrom"]["secretKeyRef"].Set("key", key);
  return out;
}

Value Environment(const PoolInput& input) {
  Value name;
  name.Set("name", "MILLRACE_POD_NAME");
  name["valueFrom"]["fieldRef"].Set("fieldPath", "metadata.name");
  json::Array out{std::move(name)};
  // Proxies of nodes hear of an endpoint's end within a second or two of it. No flag, which an
  // older image would not know.
  Value linger;
  linger.Set("name", "MILLRACE_LINGER_SECONDS");
  linger.Set("value", "5");
  out.push_back(std::move(linger));
  if (!input.settings.internal_token_secret.empty()) {
    out.push_back(
        FromSecret("MILLRACE_INTERNAL_TOKEN", input.settings.internal_token_secret, "token"));
  }
  // Not flags: an image from before there were any starts all the same.
  out.push_back(Variable("MILLRACE_PEER_HOME", input.settings.ns));
  out.push_back(Variable("MILLRACE_STREAM_KEYS_FOLDER", kStreamKeysFolder));
  if (input.settings.peer_tls) out.push_back(Variable("MILLRACE_PEER_TLS_FOLDER", kPeerTlsFolder));
  out.push_back(FromSecret("MILLRACE_MASTER_KEY", KeysSecretName(kube::NameOf(input.pool).name),
                           "master-key"));
  return out;
}

std::string Address(uint16_t port) { return "0.0.0.0:" + std::to_string(port); }

Value Arguments(const PoolInput& input) {
  const kube::ObjectName pool = kube::NameOf(input.pool);
  json::Array out;
  auto add = [&](const char* flag, std::string value) {
    out.emplace_back(std::string("--") + flag + "=" + value);
  };
  add("name", "$(MILLRACE_POD_NAME)");
  add("data", "/data");
  add("store", "kubernetes");
  if (!input.settings.watch_namespaces.empty()) {
    add("watch-namespaces", input.settings.watch_namespaces);
  }
  add("listen", Address(kShardHttpPort));
  add("tls-listen", Address(kShardHttpsPort));
  add("admin-listen", Address(kShardAdminPort));
  add("peer-listen", Address(kShardPeerPort));
  add("peer-domain", pool.name + "." + pool.ns + ".svc");
  add("peer-port", std::to_string(kShardPeerPort));
  if (!input.settings.control_endpoint.empty()) {
    add("control-endpoint", input.settings.control_endpoint);
  }
  add("account", input.settings.account);
  add("log-level", input.spec.log_level);
  if (input.spec.authentication == "SigV4") {
    add("auth", "sigv4");
    add("access-keys", std::string(kKeysFolder) + "/keys.yaml");
  }
  add("tls-cert", std::string(kTlsFolder) + "/tls.crt");
  add("tls-key", std::string(kTlsFolder) + "/tls.key");
  return out;
}

Value Probe(const char* path, int period_s, int failures) {
  Value out;
  out["httpGet"].Set("path", path);
  out["httpGet"].Set("port", "admin");
  out.Set("periodSeconds", int64_t{period_s});
  out.Set("timeoutSeconds", int64_t{2});
  out.Set("failureThreshold", int64_t{failures});
  return out;
}

Value ContainerPort(const char* name, uint16_t number) {
  Value out;
  out.Set("name", name);
  out.Set("containerPort", int64_t{number});
  out.Set("protocol", "TCP");
  return out;
}

Value Mount(const char* name, const char* path, bool read_only) {
  Value out;
  out.Set("name", name);
  out.Set("mountPath", path);
  if (read_only) out.Set("readOnly", true);
  return out;
}

void SetQuantity(Value& resources, const char* kind, const char* name, const std::string& text) {
  if (!text.empty()) resources[kind].Set(name, text);
}

Value Resources(const resources::StreamPoolSpec& spec) {
  Value out = json::Object{};
  SetQuantity(out, "requests", "cpu", spec.cpu_request);
  SetQuantity(out, "requests", "memory", spec.memory_request);
  SetQuantity(out, "limits", "cpu", spec.cpu_limit);
  SetQuantity(out, "limits", "memory", spec.memory_limit);
  return out;
}

Value ContainerSecurity() {
  Value out;
  out.Set("allowPrivilegeEscalation", false);
  out.Set("readOnlyRootFilesystem", true);
  out["capabilities"].Set("drop", json::Array{"ALL"});
  return out;
}

Value Container(const PoolInput& input) {
  Value out;
  out.Set("name", "shard");
  out.Set("image", input.image);
  out.Set("imagePullPolicy", input.spec.image_pull_policy);
  out.Set("command", json::Array{"/usr/bin/millrace-shard"});
  out.Set("args", Arguments(input));
  out.Set("env", Environment(input));
  out.Set(
      "ports",
      json::Array{ContainerPort("http", kShardHttpPort), ContainerPort("https", kShardHttpsPort),
                  ContainerPort("peer", kShardPeerPort), ContainerPort("admin", kShardAdminPort)});
  out.Set("resources", Resources(input.spec));
  // A log that is read back after a crash takes as long as it takes.
  out.Set("startupProbe", Probe("/healthz", 1, 1800));
  out.Set("readinessProbe", Probe("/readyz", 1, 2));
  out.Set("livenessProbe", Probe("/healthz", 5, 6));
  // Its last words are told by conditions.
  out.Set("terminationMessagePolicy", "FallbackToLogsOnError");
  out.Set("securityContext", ContainerSecurity());
  json::Array mounts{Mount("data", "/data", false), Mount("tmp", "/tmp", false)};
  if (input.spec.authentication == "SigV4")
    mounts.push_back(Mount("access-keys", kKeysFolder, true));
  mounts.push_back(Mount("tls", kTlsFolder, true));
  mounts.push_back(Mount("stream-keys", kStreamKeysFolder, true));
  if (input.settings.peer_tls) mounts.push_back(Mount("peer-tls", kPeerTlsFolder, true));
  out.Set("volumeMounts", std::move(mounts));
  return out;
}

Value SecretVolume(const char* name, const std::string& secret, bool optional) {
  Value out;
  out.Set("name", name);
  out["secret"].Set("secretName", secret);
  if (optional) out["secret"].Set("optional", true);
  return out;
}

Value Volumes(const PoolInput& input) {
  Value tmp;
  tmp.Set("name", "tmp");
  tmp["emptyDir"].Set("sizeLimit", "64Mi");
  json::Array out{std::move(tmp)};
  if (input.spec.authentication == "SigV4") {
    out.push_back(
        SecretVolume("access-keys", AccessKeysSecretName(kube::NameOf(input.pool).name), false));
  }
  const std::string name = kube::NameOf(input.pool).name;
  // Not there before a stream has a key of its own.
  out.push_back(SecretVolume("stream-keys", name + "-stream-keys", true));
  const std::string& given = input.spec.tls_secret;
  out.push_back(SecretVolume("tls", given.empty() ? name + "-tls" : given, false));
  if (input.settings.peer_tls) out.push_back(SecretVolume("peer-tls", name + "-peer-tls", false));
  return out;
}

Value PodSecurity() {
  Value out;
  out.Set("runAsNonRoot", true);
  out.Set("runAsUser", kUser);
  out.Set("runAsGroup", kUser);
  out.Set("fsGroup", kUser);
  // A large volume is not walked at every start.
  out.Set("fsGroupChangePolicy", "OnRootMismatch");
  out["seccompProfile"].Set("type", "RuntimeDefault");
  return out;
}

Value Spread(const PoolInput& input) {
  json::Array out;
  for (const std::string& key : input.spec.topology_keys) {
    Value rule;
    rule.Set("maxSkew", int64_t{1});
    rule.Set("topologyKey", key);
    rule.Set("whenUnsatisfiable", "ScheduleAnyway");
    rule["labelSelector"]["matchLabels"].Set("millrace.dev/pool", kube::NameOf(input.pool).name);
    out.push_back(std::move(rule));
  }
  return out;
}

// A pod is not moved by a timer: its data is nowhere else, and its write heads move without it.
Value StaysOn(const char* taint) {
  Value out;
  out.Set("key", taint);
  out.Set("operator", "Exists");
  out.Set("effect", "NoExecute");
  return out;
}

Value Tolerations(const resources::StreamPoolSpec& spec) {
  json::Array out = spec.tolerations.AsArray();
  out.push_back(StaysOn("node.kubernetes.io/not-ready"));
  out.push_back(StaysOn("node.kubernetes.io/unreachable"));
  return out;
}

}  // namespace

Value PoolPodTemplate(const PoolInput& input) {
  const std::string pool = kube::NameOf(input.pool).name;
  Value spec;
  spec.Set("subdomain", pool);
  spec.Set("serviceAccountName", ShardAccountName(input.settings));
  spec.Set("enableServiceLinks", false);
  // A name server that went with its node is not waited for 5 s at a time.
  Value timeout;
  timeout.Set("name", "timeout");
  timeout.Set("value", "1");
  spec["dnsConfig"].Set("options", json::Array{std::move(timeout)});
  spec.Set("terminationGracePeriodSeconds", int64_t{60});
  spec.Set("securityContext", PodSecurity());
  spec.Set("containers", json::Array{Container(input)});
  spec.Set("volumes", Volumes(input));
  spec.Set("topologySpreadConstraints", Spread(input));
  spec.Set("tolerations", Tolerations(input.spec));
  for (const auto& [key, text] : input.spec.node_selector) spec["nodeSelector"].Set(key, text);
  for (const std::string& secret : PoolPullSecrets(input)) {
    Value ref;
    ref.Set("name", secret);
    spec["imagePullSecrets"].Append(std::move(ref));
  }
  if (!input.spec.priority_class.empty()) spec.Set("priorityClassName", input.spec.priority_class);
  Value out;
  for (const auto& [key, text] : PoolLabels(pool)) out["metadata"]["labels"].Set(key, text);
  out.Set("spec", std::move(spec));
  return out;
}

}  // namespace millrace::op
