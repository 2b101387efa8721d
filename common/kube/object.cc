#include "common/kube/object.h"

#include <cstdio>
#include <ctime>

namespace millrace::kube {

std::string ResourceType::Path(std::string_view ns, std::string_view name,
                               std::string_view subresource) const {
  std::string path = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (namespaced && !ns.empty()) path.append("/namespaces/").append(ns);
  path.append("/").append(plural);
  if (!name.empty()) path.append("/").append(name);
  if (!subresource.empty()) path.append("/").append(subresource);
  return path;
}

namespace types {

#define MILLRACE_KUBE_TYPE(kind, group, version, plural, namespaced)           \
  const ResourceType& kind() {                                                 \
    static const ResourceType type{group, version, #kind, plural, namespaced}; \
    return type;                                                               \
  }
MILLRACE_KUBE_TYPE(Pod, "", "v1", "pods", true)
MILLRACE_KUBE_TYPE(PersistentVolumeClaim, "", "v1", "persistentvolumeclaims", true)
MILLRACE_KUBE_TYPE(PersistentVolume, "", "v1", "persistentvolumes", false)
MILLRACE_KUBE_TYPE(Service, "", "v1", "services", true)
MILLRACE_KUBE_TYPE(ConfigMap, "", "v1", "configmaps", true)
MILLRACE_KUBE_TYPE(Secret, "", "v1", "secrets", true)
MILLRACE_KUBE_TYPE(ServiceAccount, "", "v1", "serviceaccounts", true)
MILLRACE_KUBE_TYPE(Node, "", "v1", "nodes", false)
MILLRACE_KUBE_TYPE(Namespace, "", "v1", "namespaces", false)
MILLRACE_KUBE_TYPE(Lease, "coordination.k8s.io", "v1", "leases", true)
MILLRACE_KUBE_TYPE(Event, "events.k8s.io", "v1", "events", true)
MILLRACE_KUBE_TYPE(PodDisruptionBudget, "policy", "v1", "poddisruptionbudgets", true)
MILLRACE_KUBE_TYPE(NetworkPolicy, "networking.k8s.io", "v1", "networkpolicies", true)
MILLRACE_KUBE_TYPE(StorageClass, "storage.k8s.io", "v1", "storageclasses", false)
MILLRACE_KUBE_TYPE(ControllerRevision, "apps", "v1", "controllerrevisions", true)
MILLRACE_KUBE_TYPE(Deployment, "apps", "v1", "deployments", true)
MILLRACE_KUBE_TYPE(CustomResourceDefinition, "apiextensions.k8s.io", "v1",
                   "customresourcedefinitions", false)
#undef MILLRACE_KUBE_TYPE

}  // namespace types

ResourceType MillraceType(std::string kind, std::string plural) {
  return {"millrace.dev", "v1alpha1", std::move(kind), std::move(plural), true};
}

ObjectName NameOf(const json::Value& object) {
  const json::Value& metadata = object["metadata"];
  return {metadata["namespace"].AsString(), metadata["name"].AsString()};
}

const std::string& UidOf(const json::Value& object) {
  return object.At("metadata", "uid").AsString();
}

const std::string& ResourceVersionOf(const json::Value& object) {
  return object.At("metadata", "resourceVersion").AsString();
}

bool IsAtLeast(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() > b.size() : a >= b;
}

std::string MicroTime(WallMs wall_ms) {
  const time_t seconds = wall_ms / 1'000;
  struct tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t size = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  char fraction[16];
  snprintf(fraction, sizeof fraction, ".%03d000Z", static_cast<int>(wall_ms % 1'000));
  return std::string(text, size) + fraction;
}

json::Value ControllerReference(const ResourceType& type, const json::Value& owner) {
  json::Value reference;
  reference.Set("apiVersion", type.ApiVersion());
  reference.Set("kind", type.kind);
  reference.Set("name", NameOf(owner).name);
  reference.Set("uid", UidOf(owner));
  reference.Set("controller", true);
  reference.Set("blockOwnerDeletion", true);
  return reference;
}

}  // namespace millrace::kube
