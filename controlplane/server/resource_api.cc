#include "controlplane/server/resource_api.h"

#include <utility>
#include <vector>

#include "common/delivery/delivery_stream_resource.h"
#include "common/resources/stream_resource.h"

namespace millrace::controlplane {

using resources::DeliveryStreamSpec;
using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr std::string_view kRoot = "/apis/millrace.dev/v1alpha1/";
constexpr int kReplaceTriesMax = 20;

struct KindOf {
  std::string_view plural;
  std::string_view kind;
  bool writable;
};
constexpr std::string_view kSecretKind = "Secret";
constexpr KindOf kKinds[] = {{"streams", resources::kStreamKind, true},
                             {"deliverystreams", resources::kDeliveryStreamKind, true},
                             {"secrets", kSecretKind, true},
                             {"shardmaps", resources::kShardMapKind, false}};

net::HttpResponse Json(int status, const json::Value& value) {
  net::HttpResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = {Slice::FromString(json::WriteJson(value))};
  return response;
}

// A Kubernetes Status object, so that kubectl-like clients print the message.
net::HttpResponse Failure(const Status& status) {
  int code = 500;
  std::string reason = "InternalError";
  switch (status.code()) {
    case Code::kNotFound:
      code = 404, reason = "NotFound";
      break;
    case Code::kResourceInUse:
      code = 409, reason = "AlreadyExists";
      break;
    case Code::kConflict:
      code = 409, reason = "Conflict";
      break;
    case Code::kInvalidArgument:
    case Code::kValidation:
      code = 422, reason = "Invalid";
      break;
    case Code::kAccessDenied:
      code = 403, reason = "Forbidden";
      break;
    case Code::kUnsupported:
      code = 405, reason = "MethodNotAllowed";
      break;
    case Code::kNoSpace:
    case Code::kUnavailable:
      code = 503, reason = "ServiceUnavailable";
      break;
    default:
      break;
  }
  json::Value body;
  body.Set("kind", "Status");
  body.Set("apiVersion", "v1");
  body.Set("status", "Failure");
  body.Set("message", status.message());
  body.Set("reason", reason);
  body.Set("code", code);
  return Json(code, body);
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    size_t slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return parts;
}

std::string_view PluralOf(std::string_view kind) {
  for (const KindOf& known : kKinds) {
    if (known.kind == kind) return known.plural;
  }
  return kind;
}

Status CheckProtected(const Resource& resource) {
  if (resource.spec["deletionProtection"].AsString() != "Enabled") return OkStatus();
  return {Code::kAccessDenied, std::string(PluralOf(resource.kind)) + " \"" + resource.key.name +
                                   "\" has deletionProtection: Enabled; set it to Disabled first"};
}

template <typename Spec>
Status CheckSpec(const Resource& wanted, const Resource* before,
                 Status (*check_transition)(const Spec&, const Spec&)) {
  Result<Spec> spec = Spec::Parse(wanted.spec);
  if (!spec.ok()) return spec.status();
  if (!before) return OkStatus();
  Result<Spec> old = Spec::Parse(before->spec);
  return old.ok() ? check_transition(*old, *spec) : OkStatus();
}

Status CheckSecret(const Resource& secret) {
  for (const char* member : {"data", "stringData"}) {
    for (const auto& [name, value] : std::as_const(secret.other)[member].AsObject()) {
      if (!value.is_string()) {
        return InvalidArgument(std::string(member) + "." + name + ": must be text");
      }
    }
  }
  return OkStatus();
}

// As it may be shown: the names of a Secret's entries, never their values.
json::Value Shown(const Resource& resource) {
  json::Value document = resource.ToValue();
  if (resource.kind != kSecretKind) return document;
  for (const char* member : {"data", "stringData"}) {
    if (!document.Has(member)) continue;
    for (json::Member& entry : document[member].MutableObject()) entry.second = "";
  }
  return document;
}

}  // namespace

Status CheckResource(const Resource& wanted, const Resource* before, bool keeps_secrets) {
  if (wanted.kind == resources::kStreamKind) {
    return CheckSpec<StreamSpec>(wanted, before, resources::CheckStreamTransition);
  }
  if (wanted.kind == resources::kDeliveryStreamKind) {
    return CheckSpec<DeliveryStreamSpec>(wanted, before, resources::CheckDeliveryStreamTransition);
  }
  if (wanted.kind == kSecretKind && keeps_secrets) return CheckSecret(wanted);
  return InvalidArgument("kind " + wanted.kind +
                         " is not offered; there is: Stream, DeliveryStream" +
                         (keeps_secrets ? ", Secret" : ""));
}

Result<ResourceApi::Target> ResourceApi::Parse(std::string_view path) const {
  if (!path.starts_with(kRoot))
    return NotFound("the server has no such path: " + std::string(path));
  std::vector<std::string> parts = SplitPath(path.substr(kRoot.size()));
  Target target;
  if (parts.size() >= 2 && parts[0] == "namespaces") {
    target.key.ns = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.empty() || parts.size() > 2)
    return NotFound("the server has no such path: " + std::string(path));
  for (const KindOf& known : kKinds) {
    const bool offered = known.kind != kSecretKind || keeps_secrets_;
    if (known.plural == parts[0] && offered) target.kind = known.kind;
  }
  if (target.kind.empty()) {
    return NotFound("the server has no resource type \"" + parts[0] +
                    "\"; there is: streams, deliverystreams");
  }
  if (parts.size() == 2) target.key.name = parts[1];
  return target;
}

net::HttpResponse ResourceApi::Handle(const net::HttpRequest& request) {
  Result<Target> target = Parse(request.path);
  if (!target.ok()) return Failure(target.status());
  if (request.method == "GET") return Get(*target);
  if (target->kind == resources::kShardMapKind) {
    return Failure({Code::kUnsupported, "shard maps are written by the operator only"});
  }
  if (request.method == "POST" && target->key.name.empty()) return Put(*target, request, true);
  if (request.method == "PUT" && !target->key.name.empty()) return Put(*target, request, false);
  if (request.method == "DELETE" && !target->key.name.empty()) return Delete(*target);
  return Failure(
      {Code::kUnsupported, "the method " + std::string(request.method) + " is not allowed here"});
}

net::HttpResponse ResourceApi::Get(const Target& target) {
  if (!target.key.name.empty()) {
    Result<Resource> found = store_.Get(target.kind, target.key);
    return found.ok() ? Json(200, Shown(*found)) : Failure(found.status());
  }
  Result<std::vector<Resource>> all = store_.List(target.kind, target.key.ns);
  if (!all.ok()) return Failure(all.status());
  json::Value items = json::Array{};
  for (const Resource& resource : *all) items.Append(Shown(resource));
  json::Value list;
  list.Set("apiVersion", resources::kApiVersion);
  list.Set("kind", target.kind + "List");
  list.Set("metadata", json::Object{});
  list.Set("items", std::move(items));
  return Json(200, list);
}

net::HttpResponse ResourceApi::Put(const Target& target, const net::HttpRequest& request,
                                   bool create_only) {
  Result<json::Value> document = json::ParseJson(request.body.view());
  if (!document.ok()) return Failure(document.status());
  Result<Resource> wanted = Resource::Parse(*document);
  if (!wanted.ok()) return Failure(wanted.status());
  if (!target.key.ns.empty()) wanted->key.ns = target.key.ns;
  if (wanted->kind != target.kind || (!create_only && wanted->key.name != target.key.name)) {
    return Failure(InvalidArgument("the object's kind and name are not those of the path"));
  }
  for (int i = 0; i < kReplaceTriesMax; ++i) {
    Result<Resource> before = store_.Get(target.kind, wanted->key);
    if (!before.ok() && before.status().code() != Code::kNotFound) return Failure(before.status());
    Status checked = CheckResource(*wanted, before.ok() ? &*before : nullptr, keeps_secrets_);
    if (!checked.ok()) return Failure(checked);
    if (!before.ok() || create_only) {
      Result<Resource> created = store_.Create(*wanted);
      return created.ok() ? Json(201, Shown(*created)) : Failure(created.status());
    }
    Resource merged = *before;
    merged.spec = wanted->spec;
    merged.other = wanted->other;
    if (!wanted->labels.empty()) merged.labels = wanted->labels;
    for (const auto& [name, value] : wanted->annotations) merged.annotations[name] = value;
    if (wanted->resource_version != 0) merged.resource_version = wanted->resource_version;
    Result<Resource> updated = store_.Update(merged);
    if (updated.ok()) return Json(200, Shown(*updated));
    if (updated.status().code() != Code::kConflict || wanted->resource_version != 0)
      return Failure(updated.status());
  }
  return Failure({Code::kConflict, "the object is being changed by others; try again"});
}

net::HttpResponse ResourceApi::Delete(const Target& target) {
  Result<Resource> found = store_.Get(target.kind, target.key);
  if (!found.ok()) return Failure(found.status());
  Status allowed = CheckProtected(*found);
  if (!allowed.ok()) return Failure(allowed);
  Status deleted = store_.Delete(target.kind, target.key);
  if (!deleted.ok()) return Failure(deleted);
  json::Value body;
  body.Set("kind", "Status");
  body.Set("apiVersion", "v1");
  body.Set("status", "Success");
  return Json(200, body);
}

}  // namespace millrace::controlplane
