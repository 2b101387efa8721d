#include "common/kube/client.h"

#include "common/kube/transport.h"

namespace millrace::kube {
namespace {

using json::Value;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kApplyPatch = "application/apply-patch+yaml";
constexpr int kListStartsMax = 5;

void FillType(const ResourceType& type, Value& object) {
  if (object["apiVersion"].is_null()) object.Set("apiVersion", type.ApiVersion());
  if (object["kind"].is_null()) object.Set("kind", type.kind);
}

Value Read(const ResourceType& type, Value object) {
  if (object["metadata"].is_object()) object["metadata"].Remove("managedFields");
  FillType(type, object);
  return object;
}

std::string Query(std::initializer_list<std::pair<std::string_view, std::string>> parts) {
  std::string out;
  for (const auto& [name, value] : parts) {
    if (value.empty()) continue;
    out.append(out.empty() ? "?" : "&").append(name).append("=").append(QueryEncode(value));
  }
  return out;
}

Value DeleteDocument(const DeleteOptions& options) {
  Value body;
  body.Set("apiVersion", "v1");
  body.Set("kind", "DeleteOptions");
  if (!options.uid.empty()) body["preconditions"].Set("uid", options.uid);
  if (!options.resource_version.empty())
    body["preconditions"].Set("resourceVersion", options.resource_version);
  if (options.grace_seconds) body.Set("gracePeriodSeconds", *options.grace_seconds);
  switch (options.propagation) {
    case Propagation::kDefault:
      break;
    case Propagation::kBackground:
      body.Set("propagationPolicy", "Background");
      break;
    case Propagation::kForeground:
      body.Set("propagationPolicy", "Foreground");
      break;
    case Propagation::kOrphan:
      body.Set("propagationPolicy", "Orphan");
      break;
  }
  return body;
}

Result<Value> Send(Transport& transport, const ResourceType& type, Call call) {
  call.kind = type.kind;
  Result<Value> answer = transport.Send(call);
  if (!answer.ok()) return answer.status();
  if ((*answer)["kind"].AsString() == "Status") return answer;
  return Read(type, std::move(*answer));
}

Result<Value> Put(Transport& transport, const ResourceType& type, Value object,
                  std::string_view subresource) {
  FillType(type, object);
  const ObjectName name = NameOf(object);
  return Send(transport, type,
              {"update", "", "PUT",
               type.Path(name.ns, name.name, subresource) +
                   Query({{"fieldManager", transport.options().field_manager}}),
               std::string(kJson), json::WriteJson(object)});
}

Result<Value> ApplyTo(Transport& transport, const ResourceType& type, Value object, bool force,
                      std::string_view subresource) {
  FillType(type, object);
  const ObjectName name = NameOf(object);
  return Send(transport, type,
              {"apply", "", "PATCH",
               type.Path(name.ns, name.name, subresource) +
                   Query({{"fieldManager", transport.options().field_manager},
                          {"force", force ? "true" : ""}}),
               std::string(kApplyPatch), json::WriteJson(object)});
}

}  // namespace

Client::Client(ClusterAccess access, ClientOptions options)
    : transport_(std::make_unique<Transport>(std::move(access), std::move(options))) {}
Client::~Client() = default;

const ClusterAccess& Client::access() const { return transport_->access(); }
const ClientOptions& Client::options() const { return transport_->options(); }

Result<Value> Client::Get(const ResourceType& type, const ObjectName& name) {
  return Send(*transport_, type, {"get", "", "GET", type.Path(name.ns, name.name)});
}

Result<ListPage> Client::List(const ResourceType& type, const ListOptions& options,
                              const std::string& continue_token) {
  const std::string query =
      Query({{"labelSelector", options.label_selector},
             {"fieldSelector", options.field_selector},
             {"limit", options.limit > 0 ? std::to_string(options.limit) : ""},
             {"continue", continue_token}});
  Call call{"list", type.kind, "GET", type.Path(options.ns) + query};
  ASSIGN_OR_RETURN(Value list, transport_->Send(call));
  ListPage page;
  page.resource_version = list.At("metadata", "resourceVersion").AsString();
  page.continue_token = list.At("metadata", "continue").AsString();
  if (!list["items"].is_null()) {
    for (Value& item : list["items"].MutableArray())
      page.items.push_back(Read(type, std::move(item)));
  }
  return page;
}

Result<ListPage> Client::ListAll(const ResourceType& type, const ListOptions& options) {
  ListPage all;
  for (int starts = 1;;) {
    Result<ListPage> page = List(type, options, all.continue_token);
    if (!page.ok()) {
      const bool expired = page.status().code() == Code::kExpiredToken;
      if (!expired || ++starts > kListStartsMax) return page.status();
      all = {};
      continue;
    }
    for (Value& item : page->items) all.items.push_back(std::move(item));
    all.resource_version = page->resource_version;
    all.continue_token = page->continue_token;
    if (all.continue_token.empty()) return all;
  }
}

Result<Value> Client::Create(const ResourceType& type, Value object) {
  FillType(type, object);
  return Send(*transport_, type,
              {"create", "", "POST",
               type.Path(NameOf(object).ns) + Query({{"fieldManager", options().field_manager}}),
               std::string(kJson), json::WriteJson(object)});
}

Result<Value> Client::Update(const ResourceType& type, Value object) {
  return Put(*transport_, type, std::move(object), "");
}

Result<Value> Client::UpdateStatus(const ResourceType& type, Value object) {
  return Put(*transport_, type, std::move(object), "status");
}

Result<Value> Client::Apply(const ResourceType& type, Value object, bool force) {
  return ApplyTo(*transport_, type, std::move(object), force, "");
}

Result<Value> Client::ApplyStatus(const ResourceType& type, Value object, bool force) {
  return ApplyTo(*transport_, type, std::move(object), force, "status");
}

Result<Value> Client::MergePatch(const ResourceType& type, const ObjectName& name,
                                 const Value& patch, std::string_view subresource) {
  return Send(*transport_, type,
              {"patch", "", "PATCH",
               type.Path(name.ns, name.name, subresource) +
                   Query({{"fieldManager", options().field_manager}}),
               std::string(kMergePatch), json::WriteJson(patch)});
}

Result<Value> Client::CreateSubresource(const ResourceType& type, const ObjectName& name,
                                        std::string_view subresource, const Value& body) {
  Call call{"create",
            type.kind,
            "POST",
            type.Path(name.ns, name.name, subresource),
            std::string(kJson),
            json::WriteJson(body)};
  return transport_->Send(call);
}

Result<Value> Client::GetScale(const ResourceType& type, const ObjectName& name) {
  Call call{"get", type.kind, "GET", type.Path(name.ns, name.name, "scale")};
  return transport_->Send(call);
}

Result<Value> Client::SetScale(const ResourceType& type, const ObjectName& name, int replicas) {
  Value patch;
  patch["spec"].Set("replicas", replicas);
  Call call{
      "patch",
      type.kind,
      "PATCH",
      type.Path(name.ns, name.name, "scale") + Query({{"fieldManager", options().field_manager}}),
      std::string(kMergePatch),
      json::WriteJson(patch)};
  return transport_->Send(call);
}

Result<Value> Client::Delete(const ResourceType& type, const ObjectName& name,
                             const DeleteOptions& options) {
  return Send(*transport_, type,
              {"delete", "", "DELETE", type.Path(name.ns, name.name), std::string(kJson),
               json::WriteJson(DeleteDocument(options))});
}

Result<Value> Client::GetPath(const std::string& path) {
  return transport_->Send({"get", "", "GET", path});
}

Result<std::string> Client::GetText(const std::string& path) {
  return transport_->SendForText({"get", "", "GET", path});
}

Result<bool> Client::Serves(const ResourceType& type) {
  const std::string path =
      type.group.empty() ? "/api/" + type.version : "/apis/" + type.group + "/" + type.version;
  Result<Value> offered = GetPath(path);
  if (!offered.ok()) {
    if (offered.status().code() == Code::kUnsupported) return false;
    return offered.status();
  }
  for (const Value& resource : (*offered)["resources"].AsArray()) {
    if (resource["name"].AsString() == type.plural) return true;
  }
  return false;
}

}  // namespace millrace::kube
