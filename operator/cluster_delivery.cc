#include "operator/cluster_delivery.h"

#include "operator/engine/component.h"

namespace millrace::op {

using resources::ResourceKey;
namespace types = kube::types;

namespace {

constexpr Duration kLookForSync = std::chrono::milliseconds(200);

std::string Entry(const std::map<std::string, std::string>& entries, const char* name) {
  const auto found = entries.find(name);
  return found == entries.end() ? "" : found->second;
}

}  // namespace

ClusterDelivery::ClusterDelivery(kube::Client& client, Clock& clock, resources::KubeStore& store,
                                 WorkloadController& workloads, PoolReconciler& pools,
                                 ClusterDeliveryOptions options)
    : store_(store),
      controller_(workloads),
      pools_(pools),
      options_(std::move(options)),
      reader_(client, clock),
      workers_(client, options_.pods, [this](const auto& name) { return Look(name); }),
      reconciler_(
          store, clock, options_.settings, workers_,
          [this](const ResourceKey& key) { return ReadSecret(key); },
          [this](DeliverySettings& settings) { return Refresh(settings); }),
      queue_("delivery stream", options_.workers, clock,
             [this](const ResourceKey& key) { return Reconcile(key); }) {}

void ClusterDelivery::Follow() {
  store_.OnChange(resources::kDeliveryStreamKind,
                  [this](const ResourceKey& key) { queue_.Add(key); });
}

void ClusterDelivery::Start() {
  queue_.Start();
  EnqueueAll();
}

void ClusterDelivery::EnqueueAll() {
  for (const ResourceKey& key : store_.AllKeys(resources::kDeliveryStreamKind)) {
    queue_.Add(key, Priority::kBacklog);
  }
  for (const auto& [ns, cache] : controller_.workloads().cache().parts()) {
    cache->ForEach(options_.pods.ns, [&](const json::Value& workload) {
      const std::string& name =
          workload.At("metadata", "annotations")[kDeliveryStreamAnnotation].AsString();
      const size_t slash = name.find('/');
      if (IsOfPool(workload) || slash == std::string::npos) return;
      queue_.Add({name.substr(0, slash), name.substr(slash + 1)}, Priority::kBacklog);
    });
  }
}

Outcome ClusterDelivery::Reconcile(const ResourceKey& key) {
  // Pods that are not seen yet would be told as away, and gone ones as removed.
  if (!store_.HasSynced() || !controller_.HasSynced()) return Outcome::After(kLookForSync);
  return reconciler_.Reconcile(key);
}

DeliveryParts ClusterDelivery::Look(const kube::ObjectName& workload) {
  return {controller_.workloads().cache().Get(workload), controller_.PodsOf(workload)};
}

Status ClusterDelivery::Refresh(DeliverySettings& settings) {
  RETURN_IF_ERROR(FindGateway(settings));
  return ReadDefaultS3(settings);
}

Status ClusterDelivery::FindGateway(DeliverySettings& settings) {
  const kube::ObjectName pool{options_.pods.ns, options_.gateway_pool};
  const auto there = pools_.pools().cache().Get(pool);
  if (!there) return OkStatus();  // made with the first stream
  const std::string host = pool.name + "-clients." + pool.ns + ".svc";
  // A certificate of somebody else's making need not have this name.
  if (there->At("spec", "tls").is_object()) {
    settings.source_endpoint = "http://" + host;
    return OkStatus();
  }
  const auto authority = reader_.Get(types::ConfigMap(), {pool.ns, pool.name + "-ca"});
  if (authority.status().code() == Code::kNotFound) {
    settings.source_problem = "waiting for the certificates of pool " + pool.ToString();
    return OkStatus();
  }
  RETURN_IF_ERROR(authority.status());
  settings.source_endpoint = "https://" + host;
  settings.source_ca = authority->At("data", "ca.crt").AsString();
  return OkStatus();
}

Status ClusterDelivery::ReadDefaultS3(DeliverySettings& settings) {
  const std::string& name = options_.pods.default_s3_secret;
  if (name.empty()) return OkStatus();
  const auto entries = ReadSecret({options_.pods.ns, name});
  if (entries.status().code() == Code::kNotFound) {
    settings.s3_default_problem =
        "there is no Secret " + options_.pods.ns + "/" + name + ", which is to have the keys of S3";
    return OkStatus();
  }
  RETURN_IF_ERROR(entries.status());
  resources::S3Access& s3 = settings.s3_default;
  s3.endpoint = Entry(*entries, "AWS_ENDPOINT_URL_S3");
  if (const std::string region = Entry(*entries, "AWS_REGION"); !region.empty()) s3.region = region;
  s3.access_key_id = Entry(*entries, "AWS_ACCESS_KEY_ID");
  s3.secret_access_key = Entry(*entries, "AWS_SECRET_ACCESS_KEY");
  s3.session_token = Entry(*entries, "AWS_SESSION_TOKEN");
  return OkStatus();
}

Result<std::map<std::string, std::string>> ClusterDelivery::ReadSecret(const ResourceKey& key) {
  ASSIGN_OR_RETURN(const json::Value secret, reader_.Get(types::Secret(), {key.ns, key.name}));
  return EntriesOfSecret(secret);
}

}  // namespace millrace::op
