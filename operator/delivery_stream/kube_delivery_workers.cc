#include "operator/delivery_stream/kube_delivery_workers.h"

#include "common/log/log.h"
#include "common/resources/conditions.h"
#include "operator/delivery_stream/delivery_reports.h"

namespace millrace::op {

using json::Value;
using kube::ObjectName;
using resources::ResourceKey;
namespace types = kube::types;

namespace {

bool IsGoing(const Value& object) { return object.At("metadata").Has("deletionTimestamp"); }

std::string AdminEndpoint(const Value& pod, uint16_t port) {
  const std::string& ip = pod.At("status", "podIP").AsString();
  if (ip.empty() || pod.At("status", "phase").AsString() != "Running") return "";
  const bool v6 = ip.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

std::string ExitOf(const Value& ended) {
  const std::string& reason = ended["reason"].AsString();
  const std::string code = "exited with " + std::to_string(ended["exitCode"].AsInt());
  return reason.empty() || reason == "Error" ? code : code + ", " + reason;
}

void ObserveContainers(const Value& pod, DeliveryObservation& seen) {
  for (const Value& container : pod.At("status", "containerStatuses").AsArray()) {
    if (container["state"].Has("running")) ++seen.running;
    seen.restarts += static_cast<int>(container["restartCount"].AsInt());
    for (const char* state : {"lastState", "state"}) {
      const Value& ended = container.At(state, "terminated");
      if (ended.is_object()) seen.last_exit = ExitOf(ended);
    }
  }
}

Status GoneIsFine(const Result<Value>& deleted) {
  return deleted.status().code() == Code::kNotFound ? OkStatus() : deleted.status();
}

}  // namespace

KubeDeliveryWorkers::KubeDeliveryWorkers(kube::Client& client, DeliveryPodSettings settings,
                                         Look look, uint16_t admin_port)
    : client_(client),
      settings_(std::move(settings)),
      look_(std::move(look)),
      admin_port_(admin_port),
      applier_(client) {}

ObjectName KubeDeliveryWorkers::NameOf(const ResourceKey& key) const {
  return {settings_.ns, DeliveryObjectsName(key)};
}

Status KubeDeliveryWorkers::WritePlan(const DeliveryOrders& orders) {
  ASSIGN_OR_RETURN(
      const Value written,
      applier_.Apply(types::Secret(), DeliveryPlanSecret(settings_, orders), Applier::kUnwatched));
  if (written.is_null()) return OkStatus();
  log::Info("delivery plan written", {{"delivery_stream", orders.key.ToString()}});
  std::lock_guard lock(mu_);
  plan_versions_[orders.key] = kube::ResourceVersionOf(written);
  return OkStatus();
}

Status KubeDeliveryWorkers::TellPods(const DeliveryOrders& orders, const std::vector<Value>& pods) {
  std::string version;
  {
    std::lock_guard lock(mu_);
    version = plan_versions_[orders.key];
  }
  for (const Value& pod : pods) {
    if (IsGoing(pod)) continue;
    if (pod.At("metadata", "annotations")[kPlanVersionOfPod].AsString() == version) continue;
    Value patch;
    patch["metadata"].Set("uid", kube::UidOf(pod));
    patch["metadata"]["annotations"].Set(kPlanVersionOfPod, version);
    const auto told = client_.MergePatch(types::Pod(), kube::NameOf(pod), patch);
    const bool is_another =
        told.status().code() == Code::kNotFound || told.status().code() == Code::kConflict;
    if (!told.ok() && !is_another) return told.status();
  }
  return OkStatus();
}

Status KubeDeliveryWorkers::Apply(const DeliveryOrders& orders) {
  if (settings_.image.empty()) {
    return InvalidArgument("the operator has no image for delivery pods");
  }
  RETURN_IF_ERROR(WritePlan(orders));
  RETURN_IF_ERROR(applier_
                      .Apply(types::PodDisruptionBudget(), DeliveryBudget(settings_, orders),
                             Applier::kUnwatched)
                      .status());
  const DeliveryParts parts = look_(NameOf(orders.key));
  RETURN_IF_ERROR(applier_
                      .Apply(DeliveryWorkloadType(), DeliveryWorkload(settings_, orders),
                             parts.workload ? &*parts.workload : nullptr)
                      .status());
  return TellPods(orders, parts.pods);
}

DeliveryObservation KubeDeliveryWorkers::Observe(const ResourceKey& key) {
  DeliveryObservation seen;
  const DeliveryParts parts = look_(NameOf(key));
  std::vector<resources::DeliveryReport> reports;
  for (const Value& pod : parts.pods) {
    ObserveContainers(pod, seen);
    const std::string endpoint = IsGoing(pod) ? "" : AdminEndpoint(pod, admin_port_);
    if (endpoint.empty()) continue;
    if (auto report = AskDelivery(endpoint)) reports.push_back(*std::move(report));
  }
  seen.report = JoinReports(reports);
  // One that is on its way out, or does not answer, may have what the others do not know of.
  if (seen.report && reports.size() < parts.pods.size()) seen.report->drained = false;
  if (parts.workload) {
    const Value& ready = resources::FindCondition((*parts.workload)["status"], "Ready");
    if (ready["status"].AsString() != "True") seen.trouble = ready["message"].AsString();
    const Value& done = resources::FindCondition((*parts.workload)["status"], "Reconciled");
    if (done["status"].AsString() == "False") seen.trouble = done["message"].AsString();
  }
  return seen;
}

Status KubeDeliveryWorkers::Remove(const ResourceKey& key) {
  const ObjectName name = NameOf(key);
  const ObjectName plan{name.ns, DeliveryPlanSecretName(key)};
  RETURN_IF_ERROR(GoneIsFine(client_.Delete(types::PodDisruptionBudget(), name)));
  kube::DeleteOptions options;
  options.propagation = kube::Propagation::kBackground;
  RETURN_IF_ERROR(GoneIsFine(client_.Delete(DeliveryWorkloadType(), name, options)));
  size_t left = 0;
  for (const Value& pod : look_(name).pods) {
    ++left;
    if (IsGoing(pod)) continue;
    kube::DeleteOptions of_pod;
    of_pod.uid = kube::UidOf(pod);
    const auto deleted = client_.Delete(types::Pod(), kube::NameOf(pod), of_pod);
    if (deleted.status().code() == Code::kConflict) continue;
    RETURN_IF_ERROR(GoneIsFine(deleted));
  }
  // Last, so that whatever is found half done is found by its Workload or its pods.
  RETURN_IF_ERROR(GoneIsFine(client_.Delete(types::Secret(), plan)));
  applier_.Forget(types::Secret(), plan);
  applier_.Forget(types::PodDisruptionBudget(), name);
  applier_.Forget(DeliveryWorkloadType(), name);
  {
    std::lock_guard lock(mu_);
    plan_versions_.erase(key);
  }
  if (left == 0) return OkStatus();
  return Unavailable("waiting for " + std::to_string(left) + " delivery pods to stop");
}

}  // namespace millrace::op
