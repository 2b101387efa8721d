#include "operator/certificates/certificate_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::op {
namespace {

constexpr WallMs kHour = 3'600'000;
constexpr WallMs kDay = 24 * kHour;
constexpr WallMs kNow = 1'800'000'000'000;
const CertificateRules kRules = CertificateRules::Default();
const std::vector<std::string> kNames{"*.fast.streaming.svc"};

// A pool's pods as they see the world: their certificate, and whom they believe.
struct Pods {
  pki::Identity identity;
  std::string bundle;
};

bool Believes(const Pods& one, const Pods& other, WallMs now) {
  const auto facts = pki::Read(other.identity.certificate);
  if (!facts.ok() || facts->validity.not_after_ms <= now || facts->validity.not_before_ms > now) {
    return false;
  }
  const std::vector<std::string> trusted = pki::SplitBundle(one.bundle);
  return std::any_of(trusted.begin(), trusted.end(), [&](const std::string& authority) {
    const auto of = pki::Read(authority);
    return of.ok() && of->validity.not_after_ms > now &&
           pki::IsSignedBy(other.identity.certificate, authority);
  });
}

TEST(CertificatePlan, NothingIsDueAtOnceAfterItWasMade) {
  const auto made = PlanAuthorities(std::nullopt, "ca", kRules, kNow);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(*PlanAuthorities(*made, "ca", kRules, kNow + kDay), *made);
  const auto issued = PlanCertificate(std::nullopt, *made, "p", kNames, kRules, kNow);
  ASSERT_TRUE(issued.ok());
  EXPECT_EQ(*PlanCertificate(*issued, *made, "p", kNames, kRules, kNow + kDay), *issued);
  // Names in another order are the same names.
  const auto two = PlanCertificate(issued.value(), *made, "p", {"b", "a"}, kRules, kNow);
  EXPECT_NE(*two, *issued);
  EXPECT_EQ(*PlanCertificate(*two, *made, "p", {"a", "b", "a"}, kRules, kNow), *two);
}

TEST(CertificatePlan, ACertificateIsRenewedThirtyDaysBeforeItsEnd) {
  const auto made = PlanAuthorities(std::nullopt, "ca", kRules, kNow);
  const auto issued = PlanCertificate(std::nullopt, *made, "p", kNames, kRules, kNow);
  EXPECT_EQ(*PlanCertificate(*issued, *made, "p", kNames, kRules, kNow + 59 * kDay), *issued);
  EXPECT_NE(*PlanCertificate(*issued, *made, "p", kNames, kRules, kNow + 61 * kDay), *issued);
}

TEST(CertificatePlan, WhatSomebodySpoiltIsMadeAnew) {
  const auto made = PlanAuthorities(std::nullopt, "ca", kRules, kNow);
  const auto other = PlanAuthorities(std::nullopt, "ca", kRules, kNow);
  const auto issued = PlanCertificate(std::nullopt, *made, "p", kNames, kRules, kNow);
  const auto stranger = PlanCertificate(std::nullopt, *other, "p", kNames, kRules, kNow);
  for (const pki::Identity& spoilt :
       {pki::Identity{"rubbish", issued->key}, pki::Identity{issued->certificate, stranger->key},
        *stranger}) {
    const auto mended = PlanCertificate(spoilt, *made, "p", kNames, kRules, kNow);
    ASSERT_TRUE(mended.ok());
    EXPECT_TRUE(pki::IsSignedBy(mended->certificate, made->current.certificate));
  }
}

TEST(CertificatePlan, AnAuthorityThatCannotBeReadIsNotReplaced) {
  Authorities spoilt;
  spoilt.current = {"rubbish", "rubbish"};
  EXPECT_EQ(PlanAuthorities(spoilt, "ca", kRules, kNow).status().code(), Code::kInvalidArgument);
  const auto a = PlanAuthorities(std::nullopt, "ca", kRules, kNow);
  const auto b = PlanAuthorities(std::nullopt, "ca", kRules, kNow);
  EXPECT_FALSE(
      PlanAuthorities(Authorities{{a->current.certificate, b->current.key}}, "ca", kRules, kNow)
          .ok());
}

// Lives as long as those of the rules, counted in shorter days: two hundred of them, in halves.
// Pods may be one step behind, in both what they show and whom they believe.
TEST(CertificatePlan, PodsThatAreHalfADayBehindAreNeverParted) {
  CertificateRules rules = kRules;
  rules.authority_life_ms = 60 * kDay;
  rules.authority_renew_before_ms = 12 * kDay;
  rules.life_ms = 9 * kDay;
  rules.renew_before_ms = 3 * kDay;
  std::optional<Authorities> authorities;
  std::optional<Pods> before;
  std::optional<pki::Identity> identity;
  std::vector<std::string> signers;
  for (WallMs now = kNow; now < kNow + 200 * kDay; now += kDay / 2) {
    authorities = *PlanAuthorities(authorities, "ca", rules, now);
    identity = *PlanCertificate(identity, *authorities, "p", kNames, rules, now);
    const Pods pods{*identity, TrustBundle(*authorities)};
    ASSERT_TRUE(Believes(pods, pods, now));
    if (before) {
      ASSERT_TRUE(Believes(*before, pods, now)) << (now - kNow) / kDay;
      ASSERT_TRUE(Believes(pods, *before, now)) << (now - kNow) / kDay;
    }
    before = pods;
    if (signers.empty() || signers.back() != authorities->current.certificate)
      signers.push_back(authorities->current.certificate);
    ASSERT_LE(pki::SplitBundle(pods.bundle).size(), 3u);
  }
  EXPECT_EQ(signers.size(), 5u);
}

}  // namespace
}  // namespace millrace::op
