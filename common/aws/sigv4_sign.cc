#include <algorithm>

#include "common/aws/sigv4.h"
#include "common/aws/sigv4_request.h"
#include "common/base/check.h"

namespace millrace::aws {

namespace {

constexpr size_t kAccountDigits = 12;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

}  // namespace

std::vector<net::OwnedHeader> SignV4(const SignRequest& request, const Credentials& credentials,
                                     WallMs now) {
  std::string timestamp = FormatSigningTime(now);
  std::vector<net::OwnedHeader> signed_headers = {{"host", request.host},
                                                  {"x-amz-date", timestamp}};
  for (const auto& [name, value] : request.headers)
    signed_headers.emplace_back(LowerCase(name), value);
  std::ranges::sort(signed_headers);

  net::HttpRequest canonical_form;
  canonical_form.method = request.method;
  canonical_form.path = request.path;
  canonical_form.query = request.query;
  canonical_form.authority = request.host;
  std::string names;
  for (const auto& [name, value] : signed_headers) {
    canonical_form.headers.push_back({name, value});
    if (!names.empty()) names += ';';
    names += name;
  }
  SignatureClaim claim;
  claim.timestamp = timestamp;
  claim.date = claim.timestamp.substr(0, 8);
  claim.region = request.region;
  claim.service = request.service;
  claim.signed_headers = names;

  std::string canonical;
  CHECK(AppendCanonicalRequest(
      canonical, canonical_form, claim,
      request.body_digest ? *request.body_digest : codec::Sha256(request.body)));
  codec::Sha256Digest key =
      DeriveSigningKey(credentials.secret_access_key, claim.date, request.region, request.service);
  std::string authorization(kSigV4Algorithm);
  authorization += " Credential=" + credentials.access_key_id + "/" + std::string(claim.date) +
                   "/" + request.region + "/" + request.service + "/" +
                   std::string(kSigV4Terminator);
  authorization += ", SignedHeaders=" + names + ", Signature=";
  AppendHex(authorization,
            codec::HmacSha256({reinterpret_cast<const char*>(key.data()), key.size()},
                              StringToSign(claim, canonical)));
  return {{"host", request.host}, {"x-amz-date", timestamp}, {"authorization", authorization}};
}

Identity ClaimedIdentity(const net::HttpRequest& request) {
  SignatureClaim claim;
  Identity identity;
  if (ReadClaim(request, claim)) return identity;
  identity.access_key_id = claim.access_key_id;
  identity.region = claim.region;
  // Emulators know this convention: an access key id of twelve digits is the account.
  bool is_account =
      claim.access_key_id.size() == kAccountDigits &&
      std::ranges::all_of(claim.access_key_id, [](char c) { return c >= '0' && c <= '9'; });
  if (is_account) identity.account_id = claim.access_key_id;
  return identity;
}

}  // namespace millrace::aws
