#include "common/resources/resource.h"

#include <algorithm>
#include <charconv>

#include "common/base/check.h"

namespace millrace::resources {
namespace {

using json::Value;

bool IsLowerAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool IsAlnum(char c) { return IsLowerAlnum(c) || (c >= 'A' && c <= 'Z'); }

bool IsDnsLabel(std::string_view text) {
  return !text.empty() && IsLowerAlnum(text.front()) && IsLowerAlnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsLowerAlnum(c) || c == '-'; });
}

// A label's value, or the part of a label's or annotation's name after the slash.
bool IsQualifiedPart(std::string_view text) {
  constexpr size_t kPartMax = 63;
  return !text.empty() && text.size() <= kPartMax && IsAlnum(text.front()) &&
         IsAlnum(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return IsAlnum(c) || c == '-' || c == '_' || c == '.';
         });
}

// [prefix/]name
bool IsQualifiedName(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == text.npos) return IsQualifiedPart(text);
  return NameProblem(text.substr(0, slash)).empty() && IsQualifiedPart(text.substr(slash + 1));
}

Status Problem(std::string_view field, std::string_view what) {
  return InvalidArgument("metadata." + std::string(field) + ": " + std::string(what));
}

Status ReadText(const Value& metadata, std::string_view field, std::string& out) {
  const Value& value = metadata[field];
  if (!value.is_null() && !value.is_string())
    return Problem(field, "must be text; put it in quotes");
  out = value.AsString();
  return OkStatus();
}

Status ReadTime(const Value& metadata, std::string_view field, std::string& out) {
  RETURN_IF_ERROR(ReadText(metadata, field, out));
  if (out.empty() || ParseTime(out)) return OkStatus();
  return Problem(field, "must be a time such as 2026-11-21T12:00:00Z");
}

Status ReadMap(const Value& metadata, std::string_view field, bool are_labels,
               std::map<std::string, std::string>& out) {
  const Value& value = metadata[field];
  if (!value.is_null() && !value.is_object())
    return Problem(field, "must be a mapping of names to text");
  for (const auto& [name, text] : value.AsObject()) {
    const std::string where = std::string(field) + "." + name;
    if (!IsQualifiedName(name))
      return Problem(where, "is no valid name: [prefix/]name, letters, digits, - _ .");
    if (!text.is_string()) return Problem(where, "must be text; put it in quotes");
    if (are_labels && !text.AsString().empty() && !IsQualifiedPart(text.AsString())) {
      return Problem(
          where,
          "must be at most 63 letters, digits, - _ . that start and end with a letter or digit");
    }
    out[name] = text.AsString();
  }
  return OkStatus();
}

Status ReadFinalizers(const Value& metadata, std::vector<std::string>& out) {
  const Value& value = metadata["finalizers"];
  if (!value.is_null() && !value.is_array()) return Problem("finalizers", "must be a list");
  for (const Value& item : value.AsArray()) {
    if (!IsQualifiedName(item.AsString()))
      return Problem("finalizers", "must be names such as example.com/cleanup");
    out.push_back(item.AsString());
  }
  return OkStatus();
}

// Kubernetes writes versions as text, which nobody is to look into; ours are numbers.
Status ReadVersion(const Value& metadata, uint64_t& out) {
  const Value& value = metadata["resourceVersion"];
  const std::string& text = value.AsString();
  if (value.is_null() || (value.is_string() && text.empty())) return OkStatus();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Problem("resourceVersion", "must be what an earlier read gave, or left out");
  }
  return OkStatus();
}

Status ReadIdentity(const Value& metadata, ResourceKey& key) {
  RETURN_IF_ERROR(ReadText(metadata, "name", key.name));
  RETURN_IF_ERROR(ReadText(metadata, "namespace", key.ns));
  if (key.name.empty()) return Problem("name", "is needed");
  if (std::string problem = NameProblem(key.name); !problem.empty())
    return Problem("name", problem);
  if (key.ns.empty()) key.ns = "default";
  if (std::string problem = NamespaceProblem(key.ns); !problem.empty())
    return Problem("namespace", problem);
  return OkStatus();
}

Status ReadMetadata(const Value& metadata, Resource& out) {
  if (!metadata.is_object()) return InvalidArgument("metadata: is needed, with a name");
  RETURN_IF_ERROR(ReadIdentity(metadata, out.key));
  RETURN_IF_ERROR(ReadText(metadata, "uid", out.uid));
  const Value& generation = metadata["generation"];
  if (!generation.is_null() && !generation.is_int())
    return Problem("generation", "must be a whole number");
  out.generation = generation.AsInt();
  RETURN_IF_ERROR(ReadVersion(metadata, out.resource_version));
  RETURN_IF_ERROR(ReadTime(metadata, "creationTimestamp", out.creation_timestamp));
  std::string deletion;
  RETURN_IF_ERROR(ReadTime(metadata, "deletionTimestamp", deletion));
  if (!deletion.empty()) out.deletion_timestamp = deletion;
  RETURN_IF_ERROR(ReadFinalizers(metadata, out.finalizers));
  RETURN_IF_ERROR(ReadMap(metadata, "labels", true, out.labels));
  return ReadMap(metadata, "annotations", false, out.annotations);
}

// What is left of an object without the members that have a field of their own, or null.
Value Without(const Value& object, const std::vector<std::string_view>& names) {
  Value out;
  for (const auto& [name, value] : object.AsObject()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) out.Set(name, value);
  }
  return out;
}

Value MapValue(const std::map<std::string, std::string>& map) {
  Value out = json::Object{};
  for (const auto& [name, text] : map) out.MutableObject().emplace_back(name, text);
  return out;
}

Value MetadataValue(const Resource& r) {
  Value out;
  out.Set("name", r.key.name);
  out.Set("namespace", r.key.ns);
  if (!r.uid.empty()) out.Set("uid", r.uid);
  if (r.generation != 0) out.Set("generation", r.generation);
  if (r.resource_version != 0) out.Set("resourceVersion", std::to_string(r.resource_version));
  if (!r.creation_timestamp.empty()) out.Set("creationTimestamp", r.creation_timestamp);
  if (r.deletion_timestamp) out.Set("deletionTimestamp", *r.deletion_timestamp);
  for (const std::string& finalizer : r.finalizers) out["finalizers"].Append(finalizer);
  if (!r.labels.empty()) out.Set("labels", MapValue(r.labels));
  if (!r.annotations.empty()) out.Set("annotations", MapValue(r.annotations));
  for (const auto& [name, value] : r.other_metadata.AsObject()) out.Set(name, value);
  return out;
}

}  // namespace

std::string NameProblem(std::string_view name) {
  constexpr size_t kNameMax = 253;
  bool good = name.size() <= kNameMax;
  for (std::string_view rest = name; good;) {
    const size_t dot = rest.find('.');
    good = IsDnsLabel(rest.substr(0, dot));
    if (dot == rest.npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (good) return "";
  return "must be at most 253 lower-case letters, digits, '-' and '.', starting and ending with a "
         "letter or digit";
}

std::string NamespaceProblem(std::string_view ns) {
  constexpr size_t kLabelMax = 63;
  if (ns.size() <= kLabelMax && IsDnsLabel(ns)) return "";
  return "must be at most 63 lower-case letters, digits and '-', starting and ending with a letter "
         "or digit";
}

Result<Resource> Resource::Parse(const Value& document) {
  if (!document.is_object())
    return InvalidArgument("a resource is a mapping with apiVersion, kind and metadata");
  Resource out;
  if (document["kind"].AsString().empty())
    return InvalidArgument("kind: is needed, such as Stream");
  out.kind = document["kind"].AsString();
  if (const Value* version = document.Find("apiVersion")) {
    if (version->AsString().empty())
      return InvalidArgument("apiVersion: must be text such as millrace.dev/v1alpha1");
    out.api_version = version->AsString();
  }
  RETURN_IF_ERROR(ReadMetadata(document["metadata"], out));
  out.spec = document["spec"];
  out.status = document["status"];
  out.other = Without(document, {"apiVersion", "kind", "metadata", "spec", "status"});
  out.other_metadata =
      Without(document["metadata"],
              {"name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp",
               "deletionTimestamp", "finalizers", "labels", "annotations"});
  return out;
}

Value Resource::ToValue() const {
  Value out;
  out.Set("apiVersion", api_version);
  out.Set("kind", kind);
  out.Set("metadata", MetadataValue(*this));
  for (const auto& [name, value] : other.AsObject()) out.Set(name, value);
  if (!spec.is_null()) out.Set("spec", spec);
  if (!status.is_null()) out.Set("status", status);
  return out;
}

}  // namespace millrace::resources
