#include "controlplane/server/resource_api.h"

#include <vector>

#include "common/resources/stream_resource.h"

namespace millrace::controlplane {

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
constexpr KindOf kKinds[] = {{"streams", resources::kStreamKind, true},
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

Status CheckProtected(const Resource& stream) {
  Result<StreamSpec> spec = StreamSpec::Parse(stream.spec);
  if (spec.ok() && spec->deletion_protection == "Enabled") {
    return {Code::kAccessDenied,
            "streams \"" + stream.key.name +
                "\" has deletionProtection: Enabled; set it to Disabled first"};
  }
  return OkStatus();
}

Status CheckSpec(const Resource& wanted, const Resource* before) {
  Result<StreamSpec> spec = StreamSpec::Parse(wanted.spec);
  if (!spec.ok()) return spec.status();
  if (!before) return OkStatus();
  Result<StreamSpec> old = StreamSpec::Parse(before->spec);
  return old.ok() ? CheckStreamTransition(*old, *spec) : OkStatus();
}

}  // namespace

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
    if (known.plural == parts[0]) target.kind = known.kind;
  }
  if (target.kind.empty()) {
    return NotFound("the server has no resource type \"" + parts[0] + "\"; there is: streams");
  }
  if (parts.size() == 2) target.key.name = parts[1];
  return target;
}

net::HttpResponse ResourceApi::Handle(const net::HttpRequest& request) {
  Result<Target> target = Parse(request.path);
  if (!target.ok()) return Failure(target.status());
  if (request.method == "GET") return Get(*target);
  if (target->kind != resources::kStreamKind) {
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
    return found.ok() ? Json(200, found->ToValue()) : Failure(found.status());
  }
  Result<std::vector<Resource>> all = store_.List(target.kind, target.key.ns);
  if (!all.ok()) return Failure(all.status());
  json::Value items = json::Array{};
  for (const Resource& resource : *all) items.Append(resource.ToValue());
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
    Status checked = CheckSpec(*wanted, before.ok() ? &*before : nullptr);
    if (!checked.ok()) return Failure(checked);
    if (!before.ok() || create_only) {
      Result<Resource> created = store_.Create(*wanted);
      return created.ok() ? Json(201, created->ToValue()) : Failure(created.status());
    }
    Resource merged = *before;
    merged.spec = wanted->spec;
    if (!wanted->labels.empty()) merged.labels = wanted->labels;
    for (const auto& [name, value] : wanted->annotations) merged.annotations[name] = value;
    if (wanted->resource_version != 0) merged.resource_version = wanted->resource_version;
    Result<Resource> updated = store_.Update(merged);
    if (updated.ok()) return Json(200, updated->ToValue());
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
