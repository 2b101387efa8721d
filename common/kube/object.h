#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/json/value.h"

namespace millrace::kube {

// A kind, as the API's paths name it.
struct ResourceType {
  std::string group;  // "" for the core group
  std::string version;
  std::string kind;
  std::string plural;
  bool namespaced = true;
  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  // "/api/v1/namespaces/ns/pods/name/status"; every part but the plural may be "".
  std::string Path(std::string_view ns, std::string_view name = {},
                   std::string_view subresource = {}) const;
};

// The built-in kinds that Millrace uses.
namespace types {
const ResourceType& Pod();
const ResourceType& PersistentVolumeClaim();
const ResourceType& PersistentVolume();
const ResourceType& Service();
const ResourceType& ConfigMap();
const ResourceType& Secret();
const ResourceType& ServiceAccount();
const ResourceType& Node();
const ResourceType& Namespace();
const ResourceType& Lease();
const ResourceType& Event();
const ResourceType& PodDisruptionBudget();
const ResourceType& NetworkPolicy();
const ResourceType& StorageClass();
const ResourceType& ControllerRevision();
const ResourceType& Deployment();
const ResourceType& CustomResourceDefinition();
}  // namespace types
// A kind of ours: group millrace.dev, version v1alpha1.
ResourceType MillraceType(std::string kind, std::string plural);

// An object's identity within its kind; ns "" for kinds without namespaces.
struct ObjectName {
  std::string ns;
  std::string name;
  auto operator<=>(const ObjectName&) const = default;
  std::string ToString() const { return ns.empty() ? name : ns + "/" + name; }
};

// What is read of an object's metadata, without taking it apart further.
ObjectName NameOf(const json::Value& object);
const std::string& UidOf(const json::Value& object);
const std::string& ResourceVersionOf(const json::Value& object);
// Whether version `a` is not older than `b`. Versions are decimal numbers of any length, comparable
// within one kind; "" is older than everything.
bool IsAtLeast(std::string_view a, std::string_view b);

// "2026-11-21T12:00:00.000000Z", as Leases and Events have it.
std::string MicroTime(WallMs wall_ms);

// metadata.ownerReferences: the entry that says `owner` controls an object.
json::Value ControllerReference(const ResourceType& type, const json::Value& owner);

}  // namespace millrace::kube
