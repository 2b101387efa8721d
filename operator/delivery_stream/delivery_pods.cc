#include "operator/delivery_stream/delivery_pods.h"

#include "common/base/quantity.h"
#include "common/codec/base64.h"
#include "common/codec/digest.h"
#include "common/resources/workload_resource.h"
#include "operator/engine/component.h"

namespace millrace::op {

using json::Value;
using resources::ResourceKey;

namespace {

constexpr int64_t kUser = 65532;
constexpr const char* kPlanFolder = "/etc/millrace/delivery";
constexpr const char* kOneStream = "millrace.dev/delivery";  // label: the Workload's name
constexpr int64_t kNodeGoneSeconds = 15;

std::string Hex(std::string_view text, size_t digits) {
  return codec::Hex(codec::Sha256(text)).substr(0, digits);
}

std::map<std::string, std::string> Labels(const DeliveryPodSettings& settings,
                                          const ResourceKey& key) {
  return {{"app.kubernetes.io/name", "millrace"},
          {std::string(kComponentLabel), std::string(kDeliveryComponent)},
          {"app.kubernetes.io/part-of", "millrace"},
          {"app.kubernetes.io/instance", settings.release},
          {"app.kubernetes.io/managed-by", "millrace-operator"},
          {kOneStream, DeliveryObjectsName(key)}};
}

Value LabelsValue(const std::map<std::string, std::string>& labels) {
  Value out = json::Object{};
  for (const auto& [key, text] : labels) out.Set(key, text);
  return out;
}

Value Part(const DeliveryPodSettings& settings, const ResourceKey& key, const char* api_version,
           const char* kind, std::string name) {
  Value out;
  out.Set("apiVersion", api_version);
  out.Set("kind", kind);
  out["metadata"].Set("name", std::move(name));
  out["metadata"].Set("namespace", settings.ns);
  out["metadata"].Set("labels", LabelsValue(Labels(settings, key)));
  out["metadata"]["annotations"].Set(kDeliveryStreamAnnotation, key.ToString());
  return out;
}

int64_t Bytes(const std::string& quantity) { return ParseQuantity(quantity).value_or(0); }

Value Arguments(const DeliveryPodSettings& settings) {
  json::Array out;
  const auto add = [&](const char* flag, const std::string& value) {
    out.emplace_back(std::string("--") + flag + "=" + value);
  };
  add("plan", std::string(kPlanFolder) + "/plan.json");
  add("data", "/data");
  add("name", "$(MILLRACE_POD_NAME)");
  add("admin-listen", "0.0.0.0:" + std::to_string(kDeliveryAdminPort));
  // The rest is for what is being encoded and sent, and for the process itself.
  if (const int64_t memory = Bytes(settings.memory_limit); memory > 0) {
    add("buffer-bytes-max", std::to_string(memory / 8 * 3));
  }
  // Data, backup and error output may each spill so much; past the volume's limit pods are evicted.
  add("spill-bytes-max", std::to_string(Bytes(settings.spill_size) / 4));
  add("log-level", settings.log_level);
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

Value Container(const DeliveryPodSettings& settings) {
  Value name;
  name.Set("name", "MILLRACE_POD_NAME");
  name["valueFrom"]["fieldRef"].Set("fieldPath", "metadata.name");
  Value port;
  port.Set("name", "admin");
  port.Set("containerPort", int64_t{kDeliveryAdminPort});
  port.Set("protocol", "TCP");
  Value out;
  out.Set("name", "delivery");
  out.Set("image", settings.image);
  out.Set("imagePullPolicy", settings.image_pull_policy);
  out.Set("command", json::Array{"/usr/bin/millrace-delivery"});
  out.Set("args", Arguments(settings));
  out.Set("env", json::Array{std::move(name)});
  out.Set("ports", json::Array{std::move(port)});
  SetQuantity(out["resources"], "requests", "cpu", settings.cpu_request);
  SetQuantity(out["resources"], "requests", "memory", settings.memory_request);
  SetQuantity(out["resources"], "limits", "cpu", settings.cpu_limit);
  SetQuantity(out["resources"], "limits", "memory", settings.memory_limit);
  out.Set("startupProbe", Probe("/healthz", 1, 60));
  out.Set("livenessProbe", Probe("/healthz", 10, 6));
  out.Set("readinessProbe", Probe("/readyz", 2, 2));
  out.Set("terminationMessagePolicy", "FallbackToLogsOnError");
  Value& security = out["securityContext"];
  security.Set("allowPrivilegeEscalation", false);
  security.Set("readOnlyRootFilesystem", true);
  security["capabilities"].Set("drop", json::Array{"ALL"});
  out.Set("volumeMounts", json::Array{Mount("plan", kPlanFolder, true),
                                      Mount("data", "/data", false), Mount("tmp", "/tmp", false)});
  return out;
}

Value Scratch(const char* name, const std::string& size) {
  Value out;
  out.Set("name", name);
  out["emptyDir"].Set("sizeLimit", size);
  return out;
}

Value Volumes(const DeliveryPodSettings& settings, const DeliveryOrders& orders) {
  constexpr int64_t kForItsGroup = 0440;
  Value plan;
  plan.Set("name", "plan");
  plan["secret"].Set("secretName", DeliveryPlanSecretName(orders.key));
  plan["secret"].Set("defaultMode", kForItsGroup);
  json::Array out{std::move(plan), Scratch("tmp", "64Mi")};
  // With files to keep the Workload gives each pod a volume of this name.
  if (!orders.keeps_files) out.push_back(Scratch("data", settings.spill_size));
  return out;
}

Value PodSecurity() {
  Value out;
  out.Set("runAsNonRoot", true);
  out.Set("runAsUser", kUser);
  out.Set("runAsGroup", kUser);
  out.Set("fsGroup", kUser);
  out.Set("fsGroupChangePolicy", "OnRootMismatch");
  out["seccompProfile"].Set("type", "RuntimeDefault");
  return out;
}

Value Tolerations(const DeliveryPodSettings& settings) {
  json::Array out = settings.tolerations.AsArray();
  for (const char* taint : {"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}) {
    Value leaves;
    leaves.Set("key", taint);
    leaves.Set("operator", "Exists");
    leaves.Set("effect", "NoExecute");
    leaves.Set("tolerationSeconds", kNodeGoneSeconds);
    out.push_back(std::move(leaves));
  }
  return out;
}

Value Spread(const DeliveryPodSettings& settings, const std::string& name) {
  json::Array out;
  for (const std::string& key : settings.topology_keys) {
    Value rule;
    rule.Set("maxSkew", int64_t{1});
    rule.Set("topologyKey", key);
    rule.Set("whenUnsatisfiable", "ScheduleAnyway");
    rule["labelSelector"]["matchLabels"].Set(kOneStream, name);
    out.push_back(std::move(rule));
  }
  return out;
}

Value PodTemplate(const DeliveryPodSettings& settings, const DeliveryOrders& orders) {
  Value spec;
  spec.Set("serviceAccountName", settings.release + "-delivery");
  // It asks the API for nothing, and what it reads comes from outside.
  spec.Set("automountServiceAccountToken", false);
  spec.Set("enableServiceLinks", false);
  spec.Set("terminationGracePeriodSeconds", int64_t{30});
  spec.Set("securityContext", PodSecurity());
  spec.Set("containers", json::Array{Container(settings)});
  spec.Set("volumes", Volumes(settings, orders));
  spec.Set("topologySpreadConstraints", Spread(settings, DeliveryObjectsName(orders.key)));
  spec.Set("tolerations", Tolerations(settings));
  for (const auto& [key, text] : settings.node_selector) spec["nodeSelector"].Set(key, text);
  for (const std::string& secret : settings.image_pull_secrets) {
    Value ref;
    ref.Set("name", secret);
    spec["imagePullSecrets"].Append(std::move(ref));
  }
  if (!settings.priority_class.empty()) spec.Set("priorityClassName", settings.priority_class);
  Value out;
  out["metadata"].Set("labels", LabelsValue(Labels(settings, orders.key)));
  out["metadata"]["annotations"].Set(kDeliveryStreamAnnotation, orders.key.ToString());
  out.Set("spec", std::move(spec));
  return out;
}

}  // namespace

const kube::ResourceType& DeliveryWorkloadType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("Workload", "workloads"));
  return *type;
}

std::string DeliveryObjectsName(const ResourceKey& delivery_stream) {
  // Pods add a number, and all of it is a label's value and a host's name.
  constexpr size_t kNameCharsMax = 40;
  constexpr size_t kHashDigits = 8;
  std::string name = delivery_stream.name.substr(0, kNameCharsMax);
  for (char& c : name) c = c == '.' ? '-' : c;
  while (name.ends_with('-')) name.pop_back();
  return name + "-delivery-" + Hex(delivery_stream.ToString(), kHashDigits);
}

std::string DeliveryPlanSecretName(const ResourceKey& delivery_stream) {
  return DeliveryObjectsName(delivery_stream) + "-plan";
}

Value DeliveryPlanSecret(const DeliveryPodSettings& settings, const DeliveryOrders& orders) {
  Value out = Part(settings, orders.key, "v1", "Secret", DeliveryPlanSecretName(orders.key));
  out.Set("type", "Opaque");
  out["data"].Set("plan.json", codec::Base64Encode(orders.plan));
  return out;
}

Value DeliveryBudget(const DeliveryPodSettings& settings, const DeliveryOrders& orders) {
  Value out = Part(settings, orders.key, "policy/v1", "PodDisruptionBudget",
                   DeliveryObjectsName(orders.key));
  Value& spec = out["spec"];
  spec.Set("maxUnavailable", int64_t{1});
  spec.Set("unhealthyPodEvictionPolicy", "AlwaysAllow");
  spec["selector"]["matchLabels"].Set(kOneStream, DeliveryObjectsName(orders.key));
  return out;
}

Value DeliveryWorkload(const DeliveryPodSettings& settings, const DeliveryOrders& orders) {
  constexpr size_t kRevisionDigits = 10;
  resources::WorkloadSpec spec;
  spec.replicas = orders.workers;
  spec.pod_template = PodTemplate(settings, orders);
  // Pods are as new as the operator that writes their plans.
  spec.revision = Hex(json::WriteJson(spec.pod_template), kRevisionDigits);
  spec.selector = Labels(settings, orders.key);
  if (orders.keeps_files) {
    spec.volume_size = settings.folder_size;
    spec.storage_class = settings.folder_storage_class;
  }
  Value out = Part(settings, orders.key, "millrace.dev/v1alpha1", "Workload",
                   DeliveryObjectsName(orders.key));
  out.Set("spec", spec.ToValue());
  return out;
}

}  // namespace millrace::op
