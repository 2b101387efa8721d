#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/pki/certificate.h"

// Who signs the certificates of shard pods, and which each pool has. Pure but for random keys;
// docs/designs/0004-certificates.md says why it is so.
namespace millrace::op {

struct CertificateRules {
  WallMs authority_life_ms = 0;
  WallMs authority_renew_before_ms = 0;  // its end: the next one is made then
  WallMs overlap_ms = 0;  // how long pods trust the next one before anything bears its signature
  WallMs life_ms = 0;     // of a pool's certificate
  WallMs renew_before_ms = 0;
  WallMs clock_skew_ms = 0;  // by which a clock may be behind ours
  static CertificateRules Default();
};

// What the release's Secret of authorities holds.
struct Authorities {
  pki::Identity current;                // signs
  std::optional<pki::Identity> next{};  // is trusted already and signs when the overlap is over
  WallMs next_since_ms = 0;
  std::string former{};  // bundle of those that signed before, as long as they are valid
  bool operator==(const Authorities&) const = default;
};

// What is to be there now: `before` where nothing is due. kInvalidArgument where the current one
// cannot be read: that is for a person to mend, since a new one would part the pods.
Result<Authorities> PlanAuthorities(const std::optional<Authorities>& before,
                                    const std::string& name, const CertificateRules& rules,
                                    WallMs now);
// ca.crt for everybody.
std::string TrustBundle(const Authorities& authorities);

// `before` where it is signed by the current authority, for these names and not about to end; else
// a new one. Names are compared as sets.
Result<pki::Identity> PlanCertificate(const std::optional<pki::Identity>& before,
                                      const Authorities& authorities,
                                      const std::string& common_name,
                                      std::vector<std::string> names, const CertificateRules& rules,
                                      WallMs now);

}  // namespace millrace::op
