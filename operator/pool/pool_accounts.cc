#include "operator/pool/pool_accounts.h"

#include "common/log/log.h"

namespace millrace::op {

using json::Value;

namespace {

const kube::ResourceType& BindingType() {
  static const auto* const type = new kube::ResourceType{
      "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false};
  return *type;
}

}  // namespace

std::string ShardAccountName(const PoolSettings& settings) { return settings.release + "-shard"; }

// Without an owner: pools of one namespace share it, and pods outlive their pool's deletion.
Status PoolAccounts::Ensure(const std::string& ns) {
  if (ns == settings_.ns || settings_.account_binding.empty()) return OkStatus();
  Value account;
  account.Set("apiVersion", "v1");
  account.Set("kind", "ServiceAccount");
  Value& metadata = account["metadata"];
  metadata.Set("name", ShardAccountName(settings_));
  metadata.Set("namespace", ns);
  metadata["labels"].Set("app.kubernetes.io/part-of", "millrace");
  metadata["labels"].Set("app.kubernetes.io/managed-by", "millrace-operator");
  account.Set("automountServiceAccountToken", true);
  return applier_.Apply(kube::types::ServiceAccount(), account, Applier::kUnwatched)
      .status()
      .WithContext("ServiceAccount " + ns + "/" + ShardAccountName(settings_));
}

Status PoolAccounts::Bind(std::set<std::string> namespaces) {
  if (settings_.account_binding.empty()) return OkStatus();
  namespaces.erase(settings_.ns);
  std::lock_guard lock(mu_);
  if (known_ && bound_ == namespaces) return OkStatus();
  json::Array subjects;
  for (const std::string& ns : namespaces) {
    Value subject;
    subject.Set("kind", "ServiceAccount");
    subject.Set("name", ShardAccountName(settings_));
    subject.Set("namespace", ns);
    subjects.push_back(std::move(subject));
  }
  const std::string shown = "ClusterRoleBinding " + settings_.account_binding;
  Result<Value> binding = client_.Get(BindingType(), {"", settings_.account_binding});
  if (!binding.ok()) return binding.status().WithContext(shown);
  if ((*binding)["subjects"].AsArray() != subjects) {
    binding->Set("subjects", std::move(subjects));
    RETURN_IF_ERROR(client_.Update(BindingType(), *binding).status().WithContext(shown));
    log::Info("accounts of shard pods bound", {{"namespaces", namespaces.size()}});
  }
  bound_ = std::move(namespaces);
  known_ = true;
  return OkStatus();
}

}  // namespace millrace::op
