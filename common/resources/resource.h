#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::resources {

inline constexpr std::string_view kApiVersion = "millrace.dev/v1alpha1";

// A resource's identity within its kind.
struct ResourceKey {
  std::string ns;  // namespace
  std::string name;
  auto operator<=>(const ResourceKey&) const = default;
  std::string ToString() const { return ns + "/" + name; }
};

// One Kubernetes-shaped object: metadata, spec and status, whatever its kind. Unknown members of
// the document survive. A value.
struct Resource {
  std::string api_version{kApiVersion};
  std::string kind;
  ResourceKey key;
  std::string uid;                                // of this incarnation
  int64_t generation = 0;                         // rises with every change of spec
  uint64_t resource_version = 0;                  // rises with every change at all
  std::string creation_timestamp;                 // RFC 3339
  std::optional<std::string> deletion_timestamp;  // set: on its way out, waits for its finalizers
  std::vector<std::string> finalizers;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  json::Value spec;
  json::Value status;
  json::Value other;           // members of the document that are none of the above
  json::Value other_metadata;  // and of its metadata

  // kind and name are needed; what else is wrong in metadata is named in the error.
  static Result<Resource> Parse(const json::Value& document);
  json::Value ToValue() const;
};

// What Kubernetes lets a resource and a namespace be called: "" where `name` is fine, else the
// rule.
std::string NameProblem(std::string_view name);
std::string NamespaceProblem(std::string_view ns);

// "2026-11-21T12:00:00Z", and back.
std::string FormatTime(int64_t wall_ms);
std::optional<int64_t> ParseTime(std::string_view text);

}  // namespace millrace::resources
