#include "common/delivery/delivery_plan.h"

#include <utility>

namespace millrace::resources {
namespace {

using json::Value;

constexpr int32_t kPlanVersion = 1;
constexpr FieldVisitor::TextRule kAny = {.chars_min = 0, .chars_max = 65'536};

void VisitAccess(FieldVisitor& in, StreamAccess& access) {
  in.Text("endpoint", access.endpoint, kAny);
  in.Text("streamName", access.stream_name, kAny);
  in.Text("streamARN", access.stream_arn, kAny);
  in.Text("region", access.region, kAny);
  in.Text("internalToken", access.internal_token, kAny);
  in.Text("accessKeyId", access.access_key_id, kAny);
  in.Text("secretAccessKey", access.secret_access_key, kAny);
  in.Text("caCertificate", access.ca_pem, kAny);
}

void VisitS3Access(FieldVisitor& in, S3Access& access) {
  in.Text("endpoint", access.endpoint, kAny);
  in.Text("region", access.region, kAny);
  in.Text("accessKeyId", access.access_key_id, kAny);
  in.Text("secretAccessKey", access.secret_access_key, kAny);
  in.Text("sessionToken", access.session_token, kAny);
}

// All but `generation`, `spec` and `secrets`.
void VisitPlan(FieldVisitor& in, DeliveryPlan& plan) {
  int32_t version = kPlanVersion;
  in.Int("planVersion", version, kPlanVersion, kPlanVersion);
  in.Text("namespace", plan.ns, kAny);
  in.Text("name", plan.resource_name, kAny);
  in.Text("uid", plan.uid, kAny);
  in.RequiredText("deliveryStreamName", plan.delivery_stream_name, {.chars_max = 253});
  in.Text("deliveryStreamARN", plan.delivery_stream_arn, kAny);
  in.Text("region", plan.region, kAny);
  in.Text("accountId", plan.account_id, kAny);
  in.Text("versionId", plan.version_id, kAny);
  in.OneOf("state", plan.state, {"Running", "Flushing", "Paused"});
  in.Object("source", [&](FieldVisitor& source) { VisitAccess(source, plan.source); });
  in.Object("destination", [&](FieldVisitor& to) { VisitAccess(to, plan.destination); });
  in.Text("cursorStream", plan.cursor_stream, kAny);
  in.Text("cursorTable", plan.cursor_table, kAny);
  in.Object("s3Default", [&](FieldVisitor& s3) { VisitS3Access(s3, plan.s3_default); });
  in.Text("folderRoot", plan.folder_root, kAny);
}

}  // namespace

Result<DeliveryPlan> DeliveryPlan::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(Value document, json::ParseJson(text));
  DeliveryPlan plan;
  ASSIGN_OR_RETURN(plan.spec, DeliveryStreamSpec::Parse(document["spec"]));
  plan.generation = document["generation"].AsInt();
  plan.created_at_ms = document["createdAtMs"].AsInt();
  for (const auto& [name, entries] : std::as_const(document)["secrets"].AsObject()) {
    auto& secret = plan.secrets[name];
    for (const auto& [key, value] : entries.AsObject()) secret[key] = value.AsString();
  }
  for (const std::string_view read : {"spec", "generation", "createdAtMs", "secrets"})
    document.Remove(read);
  Problems problems;
  ReadFields(document, "plan", problems, [&](FieldVisitor& in) { VisitPlan(in, plan); });
  RETURN_IF_ERROR(problems.ToStatus());
  return plan;
}

std::string DeliveryPlan::ToText() const {
  DeliveryPlan copy = *this;  // visited both ways, so not const
  Value out = WriteFields([&](FieldVisitor& fields) { VisitPlan(fields, copy); });
  out.Set("generation", generation);
  out.Set("createdAtMs", created_at_ms);
  out.Set("spec", spec.ToValue());
  for (const auto& [name, entries] : secrets) {
    Value secret = json::Object{};
    for (const auto& [key, value] : entries) secret.Set(key, value);
    out["secrets"].Set(name, std::move(secret));
  }
  return json::WriteJsonPretty(out);
}

Result<std::string> DeliveryPlan::Secret(const SecretKey& key) const {
  const auto secret = secrets.find(key.name);
  if (secret == secrets.end()) return NotFound("there is no Secret " + key.name);
  const auto entry = secret->second.find(key.key);
  if (entry == secret->second.end()) {
    return NotFound("the Secret " + key.name + " has no entry " + key.key);
  }
  return entry->second;
}

std::string DeliveryPlan::SecretEntry(std::string_view secret, std::string_view entry) const {
  auto value = Secret({std::string(secret), std::string(entry)});
  return value.ok() ? *value : std::string();
}

Result<S3Access> DeliveryPlan::AccessFor(const S3Destination& s3) const {
  S3Access access = s3_default;
  if (!s3.credentials_secret.empty()) {
    const std::string& name = s3.credentials_secret;
    ASSIGN_OR_RETURN(access.access_key_id, Secret({name, "AWS_ACCESS_KEY_ID"}));
    ASSIGN_OR_RETURN(access.secret_access_key, Secret({name, "AWS_SECRET_ACCESS_KEY"}));
    access.session_token = SecretEntry(name, "AWS_SESSION_TOKEN");
    const std::string its_endpoint = SecretEntry(name, "AWS_ENDPOINT_URL_S3");
    const std::string its_region = SecretEntry(name, "AWS_REGION");
    if (!its_endpoint.empty()) access.endpoint = its_endpoint;
    if (!its_region.empty()) access.region = its_region;
  }
  if (!s3.endpoint.empty()) access.endpoint = s3.endpoint;
  if (!s3.region.empty()) access.region = s3.region;
  return access;
}

std::string DeliveryPlan::PathOf(const FolderDestination& folder) const {
  if (folder.path.starts_with("/") || folder_root.empty()) return folder.path;
  return folder_root + "/" + folder.path;
}

}  // namespace millrace::resources
