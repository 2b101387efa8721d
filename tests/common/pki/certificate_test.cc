#include "common/pki/certificate.h"

#include <gtest/gtest.h>

namespace millrace::pki {
namespace {

constexpr WallMs kDay = 24LL * 3600 * 1000;
constexpr WallMs kNow = 1'800'000'000'000;
const Validity kYear{kNow, kNow + 365 * kDay};

TEST(Certificate, SaysWhatItWasMadeWith) {
  const auto authority = MakeAuthority("millrace pods", kYear);
  ASSERT_TRUE(authority.ok()) << authority.status().ToString();
  const auto issued = Issue(*authority, "fast.streaming",
                            {"*.fast.streaming.svc", "localhost", "127.0.0.1", "::1"}, kYear);
  ASSERT_TRUE(issued.ok()) << issued.status().ToString();
  const auto facts = Read(issued->certificate);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->common_name, "fast.streaming");
  EXPECT_EQ(facts->names,
            (std::vector<std::string>{"*.fast.streaming.svc", "127.0.0.1", "::1", "localhost"}));
  EXPECT_EQ(facts->validity.not_before_ms, kYear.not_before_ms);
  EXPECT_EQ(facts->validity.not_after_ms, kYear.not_after_ms);
  EXPECT_TRUE(KeyFits(issued->certificate, issued->key));
  EXPECT_FALSE(KeyFits(issued->certificate, authority->key));
}

TEST(Certificate, BearsTheSignatureOfItsAuthorityAndOfNoOther) {
  const auto authority = MakeAuthority("same name", kYear);
  const auto other = MakeAuthority("same name", kYear);
  const auto issued = Issue(*authority, "x", {"x"}, kYear);
  EXPECT_TRUE(IsSignedBy(issued->certificate, authority->certificate));
  EXPECT_FALSE(IsSignedBy(issued->certificate, other->certificate));
  EXPECT_FALSE(IsSignedBy("", authority->certificate));
}

TEST(Certificate, WhatIsNoneIsRefused) {
  EXPECT_EQ(Read("nothing").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Issue({"a", "b"}, "x", {"x"}, kYear).status().code(), Code::kInvalidArgument);
  const auto authority = MakeAuthority("a", kYear);
  const auto other = MakeAuthority("b", kYear);
  EXPECT_FALSE(Issue({authority->certificate, other->key}, "x", {"x"}, kYear).ok());
  // Not to be read as more than a name.
  EXPECT_FALSE(Issue(*authority, "x", {"a,DNS:b"}, kYear).ok());
  EXPECT_FALSE(Issue(*authority, "x", {"a\nb"}, kYear).ok());
}

TEST(Certificate, ABundleIsTakenApart) {
  const auto a = MakeAuthority("a", kYear);
  const auto b = MakeAuthority("b", kYear);
  const auto parts = SplitBundle("some words\n" + a->certificate + b->certificate +
                                 "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0], a->certificate);
  EXPECT_EQ(Read(parts[1])->common_name, "b");
}

}  // namespace
}  // namespace millrace::pki
