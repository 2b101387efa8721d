#include "operator/certificates/certificate_objects.h"

#include "common/codec/base64.h"
#include "common/json/text.h"
#include "common/resources/resource.h"

namespace millrace::op {

using json::Value;

namespace {

constexpr const char* kNextSince = "millrace.dev/next-since";
constexpr const char* kManagedBy = "app.kubernetes.io/managed-by";
constexpr const char* kUs = "millrace-operator";

const kube::ResourceType& PoolType() {
  static const auto* const type =
      new kube::ResourceType(kube::MillraceType("StreamPool", "streampools"));
  return *type;
}

Value Named(const char* kind, const kube::ObjectName& name) {
  Value out;
  out.Set("apiVersion", "v1");
  out.Set("kind", kind);
  Value& metadata = out["metadata"];
  metadata.Set("name", name.name);
  metadata.Set("namespace", name.ns);
  metadata["labels"].Set("app.kubernetes.io/part-of", "millrace");
  metadata["labels"].Set(kManagedBy, kUs);
  return out;
}

void SetField(Value& secret, const char* name, const std::string& text) {
  if (!text.empty()) secret["data"].Set(name, json::Base64(text));
}

std::string FieldOf(const Value& secret, const char* name) {
  return codec::Base64Decode(secret["data"][name].AsString()).value_or("");
}

void AddService(std::vector<std::string>& names, const std::string& service,
                const std::string& ns) {
  names.push_back(service);
  names.push_back(service + "." + ns);
  names.push_back(service + "." + ns + ".svc");
  names.push_back(service + "." + ns + ".svc.cluster.local");
}

}  // namespace

kube::ObjectName AuthoritySecretName(const CertificateSettings& settings) {
  return {settings.ns, settings.release + "-pods-ca"};
}

// No owner: it has to outlive what it has signed.
Value AuthoritySecret(const CertificateSettings& settings, const Authorities& authorities) {
  Value out = Named("Secret", AuthoritySecretName(settings));
  out.Set("type", "Opaque");
  SetField(out, "tls.crt", authorities.current.certificate);
  SetField(out, "tls.key", authorities.current.key);
  SetField(out, "former.crt", authorities.former);
  if (authorities.next) {
    SetField(out, "next.crt", authorities.next->certificate);
    SetField(out, "next.key", authorities.next->key);
    out["metadata"]["annotations"].Set(kNextSince,
                                       resources::FormatTime(authorities.next_since_ms));
  }
  return out;
}

std::optional<Authorities> AuthoritiesIn(const Value& secret) {
  Authorities found;
  found.current = {FieldOf(secret, "tls.crt"), FieldOf(secret, "tls.key")};
  if (found.current.certificate.empty() || found.current.key.empty()) return std::nullopt;
  found.former = FieldOf(secret, "former.crt");
  pki::Identity next{FieldOf(secret, "next.crt"), FieldOf(secret, "next.key")};
  const Value& since = secret.At("metadata", "annotations")[kNextSince];
  if (!next.certificate.empty() && !next.key.empty()) {
    found.next = std::move(next);
    found.next_since_ms = resources::ParseTime(since.AsString()).value_or(0);
  }
  return found;
}

kube::ObjectName PeerSecretName(const kube::ObjectName& pool) {
  return {pool.ns, pool.name + "-peer-tls"};
}

kube::ObjectName ClientSecretName(const kube::ObjectName& pool) {
  return {pool.ns, pool.name + "-tls"};
}

Value PoolCertificateSecret(const Value& pool, const kube::ObjectName& name,
                            const PoolCertificate& certificate) {
  Value out = Named("Secret", name);
  out["metadata"].Set("ownerReferences", json::Array{kube::ControllerReference(PoolType(), pool)});
  out.Set("type", "kubernetes.io/tls");
  SetField(out, "tls.crt", certificate.identity.certificate);
  SetField(out, "tls.key", certificate.identity.key);
  SetField(out, "ca.crt", certificate.authority);
  SetField(out, "mode", certificate.mode);
  return out;
}

std::optional<PoolCertificate> PoolCertificateIn(const Value& secret) {
  PoolCertificate found;
  found.identity = {FieldOf(secret, "tls.crt"), FieldOf(secret, "tls.key")};
  if (found.identity.certificate.empty() || found.identity.key.empty()) return std::nullopt;
  found.authority = FieldOf(secret, "ca.crt");
  found.mode = FieldOf(secret, "mode");
  return found;
}

bool IsOurSecret(const Value& secret) {
  return secret.At("metadata", "labels")[kManagedBy].AsString() == kUs;
}

Value AuthorityConfigMap(const Value& pool, const std::string& bundle) {
  const kube::ObjectName name = kube::NameOf(pool);
  Value out = Named("ConfigMap", {name.ns, name.name + "-ca"});
  out["metadata"].Set("ownerReferences", json::Array{kube::ControllerReference(PoolType(), pool)});
  out["data"].Set("ca.crt", bundle);
  return out;
}

std::vector<std::string> PeerNames(const kube::ObjectName& pool) {
  const std::string domain = "*." + pool.name + "." + pool.ns + ".svc";
  return {domain, domain + ".cluster.local"};
}

std::vector<std::string> ClientNames(const CertificateSettings& settings,
                                     const kube::ObjectName& pool) {
  std::vector<std::string> names = settings.client_names;
  AddService(names, pool.name + "-clients", pool.ns);
  if (pool.ns == settings.ns) AddService(names, settings.release + "-streams", pool.ns);
  for (const char* here : {"localhost", "127.0.0.1", "::1"}) names.emplace_back(here);
  for (std::string& pod : PeerNames(pool)) names.push_back(std::move(pod));
  return names;
}

}  // namespace millrace::op
