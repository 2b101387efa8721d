#include "operator/certificates/certificate_plan.h"

#include <algorithm>

namespace millrace::op {

namespace {

constexpr WallMs kHour = 3'600'000;
constexpr WallMs kDay = 24 * kHour;

pki::Validity From(WallMs now, WallMs life_ms, const CertificateRules& rules) {
  return {now - rules.clock_skew_ms, now + life_ms};
}

// Those of a bundle that are still valid.
std::string StillValid(const std::string& bundle, WallMs now) {
  std::string kept;
  for (const std::string& part : pki::SplitBundle(bundle)) {
    const auto facts = pki::Read(part);
    if (facts.ok() && facts->validity.not_after_ms > now) kept += part;
  }
  return kept;
}

}  // namespace

CertificateRules CertificateRules::Default() {
  CertificateRules rules;
  rules.authority_life_ms = 5 * 365 * kDay;
  rules.authority_renew_before_ms = 365 * kDay;
  // A kubelet brings a changed Secret into pods within about a minute.
  rules.overlap_ms = kDay;
  rules.life_ms = 90 * kDay;
  rules.renew_before_ms = 30 * kDay;
  rules.clock_skew_ms = kHour;
  return rules;
}

Result<Authorities> PlanAuthorities(const std::optional<Authorities>& before,
                                    const std::string& name, const CertificateRules& rules,
                                    WallMs now) {
  const pki::Validity validity = From(now, rules.authority_life_ms, rules);
  if (!before) {
    ASSIGN_OR_RETURN(pki::Identity made, pki::MakeAuthority(name, validity));
    return Authorities{std::move(made)};
  }
  Authorities plan = *before;
  ASSIGN_OR_RETURN(const pki::CertificateFacts facts, pki::Read(plan.current.certificate));
  if (!pki::KeyFits(plan.current.certificate, plan.current.key)) {
    return InvalidArgument("the authority's key is not that of its certificate");
  }
  if (plan.next && now - plan.next_since_ms >= rules.overlap_ms) {
    plan.former += plan.current.certificate;
    plan.current = std::move(*plan.next);
    plan.next.reset();
    plan.next_since_ms = 0;
  } else if (!plan.next && facts.validity.not_after_ms - now <= rules.authority_renew_before_ms) {
    ASSIGN_OR_RETURN(plan.next, pki::MakeAuthority(name, validity));
    plan.next_since_ms = now;
  }
  plan.former = StillValid(plan.former, now);
  return plan;
}

std::string TrustBundle(const Authorities& authorities) {
  std::string bundle = authorities.current.certificate;
  if (authorities.next) bundle += authorities.next->certificate;
  return bundle + authorities.former;
}

Result<pki::Identity> PlanCertificate(const std::optional<pki::Identity>& before,
                                      const Authorities& authorities,
                                      const std::string& common_name,
                                      std::vector<std::string> names, const CertificateRules& rules,
                                      WallMs now) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const auto facts = pki::Read(before ? before->certificate : "");
  const bool fits = facts.ok() && facts->names == names &&
                    facts->validity.not_after_ms - now > rules.renew_before_ms &&
                    pki::IsSignedBy(before->certificate, authorities.current.certificate) &&
                    pki::KeyFits(before->certificate, before->key);
  if (fits) return *before;
  // Nothing outlives who signed it.
  pki::Validity validity = From(now, rules.life_ms, rules);
  ASSIGN_OR_RETURN(const pki::CertificateFacts authority,
                   pki::Read(authorities.current.certificate));
  validity.not_after_ms = std::min(validity.not_after_ms, authority.validity.not_after_ms);
  return pki::Issue(authorities.current, common_name, names, validity);
}

}  // namespace millrace::op
