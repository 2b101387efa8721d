#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/kube/object.h"
#include "operator/certificates/certificate_plan.h"

namespace millrace::op {

// Where certificates are kept and what they are for. Builders are pure.
struct CertificateSettings {
  std::string release = "millrace";  // of Helm
  std::string ns = "millrace";       // where it is
  std::vector<std::string>
      client_names;  // that clients know the endpoint by, besides the Services'
};

// `<release>-pods-ca` in the release's namespace: who signs. Only the operator reads it.
kube::ObjectName AuthoritySecretName(const CertificateSettings& settings);
json::Value AuthoritySecret(const CertificateSettings& settings, const Authorities& authorities);
// Nothing where the Secret has no whole authority.
std::optional<Authorities> AuthoritiesIn(const json::Value& secret);

// What one Secret of a pool holds; pods read each field as a file.
struct PoolCertificate {
  pki::Identity identity;  // tls.crt, tls.key
  std::string authority;   // ca.crt
  std::string mode;        // "prefer" or "require"; "": no such file
  bool operator==(const PoolCertificate&) const = default;
};
// `<pool>-peer-tls` and `<pool>-tls`, beside the pool.
kube::ObjectName PeerSecretName(const kube::ObjectName& pool);
kube::ObjectName ClientSecretName(const kube::ObjectName& pool);
json::Value PoolCertificateSecret(const json::Value& pool, const kube::ObjectName& name,
                                  const PoolCertificate& certificate);
std::optional<PoolCertificate> PoolCertificateIn(const json::Value& secret);
// Whether it is one of ours, which may be written over.
bool IsOurSecret(const json::Value& secret);

// `<pool>-ca`: ca.crt for clients.
json::Value AuthorityConfigMap(const json::Value& pool, const std::string& bundle);

// Pods by the names under which the pool's headless Service has them.
std::vector<std::string> PeerNames(const kube::ObjectName& pool);
// The Services that lead to the pool, and this machine, for port forwarding.
std::vector<std::string> ClientNames(const CertificateSettings& settings,
                                     const kube::ObjectName& pool);

}  // namespace millrace::op
