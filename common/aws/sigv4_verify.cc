#include <charconv>
#include <shared_mutex>
#include <unordered_map>

#include "common/aws/sigv4.h"
#include "common/aws/sigv4_request.h"

namespace millrace::aws {

namespace {

constexpr WallMs kSkewMinutesMax = 15;
constexpr WallMs kMinuteMs = 60'000;
// A week, the longest that a presigned request may live.
constexpr int64_t kExpiresSecondsMax = 604'800;
constexpr size_t kRegionCharsMax = 64;
// 4,096 keys in use within a day cost about 1 MiB; past it the cache starts anew.
constexpr size_t kSigningKeysMax = 4096;
// As long as AWS's, so that deriving from it costs the same. A signature made with it proves
// nothing: an unknown key is refused whatever the comparison says.
constexpr std::string_view kDummySecret = "0000000000000000000000000000000000000000";
constexpr std::string_view kMismatchText =
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details.";

std::string_view View(const codec::Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

ErrorShape InvalidSignature(std::string message) {
  return NamedError(400, "InvalidSignatureException", std::move(message));
}
ErrorShape Mismatch() { return InvalidSignature(std::string(kMismatchText)); }

bool Lists(std::string_view signed_headers, std::string_view name) {
  for (size_t at = signed_headers.find(name); at != std::string_view::npos;
       at = signed_headers.find(name, at + 1)) {
    size_t end = at + name.size();
    bool starts = at == 0 || signed_headers[at - 1] == ';';
    if (starts && (end == signed_headers.size() || signed_headers[end] == ';')) return true;
  }
  return false;
}

std::optional<ErrorShape> CheckScope(const SignatureClaim& claim, std::string_view service) {
  std::string wrong;
  if (claim.region.empty() || claim.region.size() > kRegionCharsMax) {
    wrong += "Credential should be scoped to a valid region. ";
  }
  if (claim.service != service) {
    wrong += "Credential should be scoped to correct service: '" + std::string(service) + "'. ";
  }
  if (claim.terminator != kSigV4Terminator) {
    wrong += "Credential should be scoped with a valid terminator: '" +
             std::string(kSigV4Terminator) + "', not '" + std::string(claim.terminator) + "'. ";
  }
  if (claim.date != claim.timestamp.substr(0, 8)) {
    wrong +=
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'" +
        std::string(claim.date) + "' != '" + std::string(claim.timestamp.substr(0, 8)) +
        "', from '" + std::string(claim.timestamp) + "'. ";
  }
  if (wrong.empty()) return std::nullopt;
  wrong.pop_back();
  return InvalidSignature(std::move(wrong));
}

// How long after its date a request is good; nothing for an X-Amz-Expires out of its range.
std::optional<WallMs> LifetimeMs(const SignatureClaim& claim) {
  if (claim.expires.empty()) return kSkewMinutesMax * kMinuteMs;
  int64_t seconds = 0;
  const char* end = claim.expires.data() + claim.expires.size();
  auto [stop, error] = std::from_chars(claim.expires.data(), end, seconds);
  if (error != std::errc() || stop != end || seconds < 1 || seconds > kExpiresSecondsMax) {
    return std::nullopt;
  }
  return seconds * 1000;
}

std::optional<ErrorShape> CheckTime(const SignatureClaim& claim, WallMs now) {
  std::optional<WallMs> date = ParseSigningTime(claim.timestamp);
  if (!date) {
    return NamedError(400, "IncompleteSignatureException",
                      "Date must be in ISO-8601 'basic format'. Got '" +
                          std::string(claim.timestamp) +
                          "'. See http://en.wikipedia.org/wiki/ISO_8601");
  }
  std::optional<WallMs> lifetime = LifetimeMs(claim);
  if (!lifetime) {
    return NamedError(400, "IncompleteSignatureException",
                      "X-Amz-Expires must be a number of seconds from 1 to 604800.");
  }
  constexpr WallMs kSkewMs = kSkewMinutesMax * kMinuteMs;
  if (*date >= now - *lifetime && *date <= now + kSkewMs) return std::nullopt;

  std::string stamp(claim.timestamp);
  std::string current = FormatSigningTime(now);
  if (*date > now) {
    return InvalidSignature("Signature not yet current: " + stamp + " is still later than " +
                            FormatSigningTime(now + kSkewMs) + " (" + current + " + " +
                            std::to_string(kSkewMinutesMax) + " min.)");
  }
  std::string span = claim.expires.empty() ? std::to_string(kSkewMinutesMax) + " min."
                                           : std::string(claim.expires) + " sec.";
  return InvalidSignature("Signature expired: " + stamp + " is now earlier than " +
                          FormatSigningTime(now - *lifetime) + " (" + current + " - " + span + ")");
}

// What has to be signed whatever the client thinks, or a signature could be moved to another host
// or another operation.
std::optional<ErrorShape> CheckSignedHeaders(const net::HttpRequest& request,
                                             const SignatureClaim& claim) {
  if (!Lists(claim.signed_headers, "host") && !Lists(claim.signed_headers, ":authority")) {
    return InvalidSignature(
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  }
  if (request.HasHeader("x-amz-target") && !Lists(claim.signed_headers, "x-amz-target")) {
    return InvalidSignature("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.");
  }
  return std::nullopt;
}

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

struct SigV4Verifier::Impl {
  struct SigningKey {
    std::string secret;  // what it was derived from: a key may get a new secret under the same id
    codec::Sha256Digest key;
  };

  Impl(const KeyStore& k, const Clock& c, std::string s)
      : keys(k), clock(c), service(std::move(s)) {}

  std::optional<codec::Sha256Digest> Cached(std::string_view id, std::string_view secret) const {
    std::shared_lock lock(mu);
    auto found = signing_keys.find(id);
    if (found == signing_keys.end() || !codec::ConstantTimeEqual(found->second.secret, secret)) {
      return std::nullopt;
    }
    return found->second.key;
  }

  void Remember(std::string_view id, std::string_view secret, const codec::Sha256Digest& key) {
    std::unique_lock lock(mu);
    if (signing_keys.size() >= kSigningKeysMax) signing_keys.clear();
    signing_keys.insert_or_assign(std::string(id), SigningKey{std::string(secret), key});
  }

  // Whether the signature is the one that `secret` makes. Every refusal derives a key once, whether
  // it was cached, and only a good signature puts one into the cache: so the time of a refusal does
  // not tell if the key exists, and nobody but holders of keys can fill the cache.
  bool Matches(const SignatureClaim& claim, std::string_view secret, std::string_view canonical) {
    thread_local std::string id;
    id.assign(claim.access_key_id)
        .append("\n")
        .append(claim.date)
        .append("\n")
        .append(claim.region);
    std::optional<codec::Sha256Digest> cached = Cached(id, secret);
    codec::Sha256Digest key =
        cached ? *cached : DeriveSigningKey(secret, claim.date, claim.region, service);
    thread_local std::string expected;
    expected.clear();
    AppendHex(expected, codec::HmacSha256(View(key), StringToSign(claim, canonical)));
    bool equal = codec::ConstantTimeEqual(expected, claim.signature);
    if (equal && !cached) Remember(id, secret, key);
    if (!equal && cached) (void)DeriveSigningKey(kDummySecret, claim.date, claim.region, service);
    return equal;
  }

  const KeyStore& keys;
  const Clock& clock;
  const std::string service;
  mutable std::shared_mutex mu;
  std::unordered_map<std::string, SigningKey, StringHash, std::equal_to<>> signing_keys;  // by mu
};

SigV4Verifier::SigV4Verifier(const KeyStore& keys, const Clock& clock, std::string service)
    : impl_(std::make_unique<Impl>(keys, clock, std::move(service))) {}
SigV4Verifier::~SigV4Verifier() = default;

SigV4Verifier::Outcome SigV4Verifier::Verify(const net::HttpRequest& request,
                                             const codec::Sha256Digest& body_digest) const {
  SignatureClaim claim;
  if (auto error = ReadClaim(request, claim)) return {std::nullopt, error};
  if (auto error = CheckTime(claim, impl_->clock.WallNow())) return {std::nullopt, error};
  if (auto error = CheckScope(claim, impl_->service)) return {std::nullopt, error};
  if (auto error = CheckSignedHeaders(request, claim)) return {std::nullopt, error};

  thread_local std::string canonical;
  canonical.clear();
  if (!AppendCanonicalRequest(canonical, request, claim, body_digest))
    return {std::nullopt, Mismatch()};
  if (std::string_view declared = request.FindHeader("x-amz-content-sha256"); !declared.empty()) {
    // The canonical request ends with the digest that we made ourselves.
    if (!canonical.ends_with(declared) || declared.size() != 2 * body_digest.size()) {
      return {std::nullopt, Mismatch()};
    }
  }
  std::optional<Credentials> credentials = impl_->keys.Find(claim.access_key_id);
  bool matches =
      impl_->Matches(claim, credentials ? credentials->secret_access_key : kDummySecret, canonical);
  if (!credentials) {
    return {std::nullopt, NamedError(400, "UnrecognizedClientException",
                                     "The security token included in the request is invalid.")};
  }
  if (!matches) return {std::nullopt, Mismatch()};
  return {Identity{std::move(credentials->access_key_id), std::move(credentials->account_id),
                   std::move(credentials->user_name), std::string(claim.region),
                   std::move(credentials->grants)},
          std::nullopt};
}

}  // namespace millrace::aws
