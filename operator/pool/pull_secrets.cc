#include "operator/pool/pull_secrets.h"

#include <algorithm>

#include "common/log/log.h"

namespace millrace::op {

using json::Value;
namespace types = kube::types;

namespace {

constexpr const char* kManagedBy = "app.kubernetes.io/managed-by";
constexpr const char* kOperator = "millrace-operator";

bool IsForImages(const Value& secret) {
  const std::string& type = secret["type"].AsString();
  return type == "kubernetes.io/dockerconfigjson" || type == "kubernetes.io/dockercfg";
}

Value CopyOf(const Value& secret, const kube::ObjectName& to) {
  Value copy;
  copy.Set("apiVersion", "v1");
  copy.Set("kind", "Secret");
  Value& metadata = copy["metadata"];
  metadata.Set("name", to.name);
  metadata.Set("namespace", to.ns);
  // Without an owner: pools of one namespace share it.
  metadata["labels"].Set("app.kubernetes.io/part-of", "millrace");
  metadata["labels"].Set(kManagedBy, kOperator);
  copy.Set("type", secret["type"]);
  copy.Set("data", secret["data"]);
  return copy;
}

}  // namespace

bool PullSecrets::IsOurs(const std::string& ns, const std::string& name) const {
  const std::vector<std::string>& ours = settings_.image_pull_secrets;
  return ns != settings_.ns && std::find(ours.begin(), ours.end(), name) != ours.end();
}

Result<std::vector<std::string>> PullSecrets::Give(const std::string& ns,
                                                   const std::vector<std::string>& names) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    bool is_there = false;
    if (IsOurs(ns, name)) {
      ASSIGN_OR_RETURN(is_there, Copy({ns, name}));
    } else {
      const Status found = client_.Get(types::Secret(), {ns, name}).status();
      if (!found.ok() && found.code() != Code::kNotFound)
        return found.WithContext("imagePullSecrets");
      is_there = found.ok();
    }
    if (!is_there) missing.push_back(name);
  }
  return missing;
}

// Whether there is one in the end.
Result<bool> PullSecrets::Copy(const kube::ObjectName& to) {
  const std::string shown = "imagePullSecrets: copying Secret " + to.name + " to " + to.ns;
  const Result<Value> there = client_.Get(types::Secret(), to);
  if (!there.ok() && there.status().code() != Code::kNotFound)
    return there.status().WithContext(shown);
  if (there.ok() && there->At("metadata", "labels", kManagedBy).AsString() != kOperator)
    return true;
  const Result<Value> source = client_.Get(types::Secret(), {settings_.ns, to.name});
  if (!source.ok() && source.status().code() != Code::kNotFound)
    return source.status().WithContext(shown);
  if (!source.ok() || !IsForImages(*source)) return there.ok();
  if (there.ok() && (*there)["data"] == (*source)["data"]) return true;
  if (there.ok()) {
    Value next = *there;
    next.Set("data", (*source)["data"]);
    RETURN_IF_ERROR(client_.Update(types::Secret(), next).status().WithContext(shown));
  } else {
    const Status made = client_.Create(types::Secret(), CopyOf(*source, to)).status();
    if (!made.ok() && made.code() != Code::kResourceInUse) return made.WithContext(shown);
  }
  log::Info("image pull secret copied", {{"secret", to.ToString()}, {"from", settings_.ns}});
  return true;
}

}  // namespace millrace::op
