#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/aws/error_shape.h"
#include "common/base/clock.h"
#include "common/codec/digest.h"
#include "common/net/http_types.h"

namespace millrace::aws {

// The parts of Signature Version 4 that a verifier and a signer share. Pure; any thread.

constexpr std::string_view kSigV4Algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kSigV4Terminator = "aws4_request";

// What a request says of its own signature, nothing of it verified. Views point into the request or
// into `decoded`, so it is filled in place and not moved.
struct SignatureClaim {
  bool presigned = false;
  std::string_view algorithm;
  std::string_view credential;  // the five parts below with slashes
  std::string_view access_key_id;
  std::string_view date;  // "20261121"
  std::string_view region;
  std::string_view service;
  std::string_view terminator;
  std::string_view signed_headers;  // "content-type;host;x-amz-date"
  std::string_view signature;       // 64 hexadecimal digits
  std::string_view timestamp;       // "20261121T120000Z"
  std::string_view expires;         // X-Amz-Expires, presigned only; maybe empty
  std::string decoded;

  SignatureClaim() = default;
  SignatureClaim(const SignatureClaim&) = delete;
  SignatureClaim& operator=(const SignatureClaim&) = delete;
};

// Fills `claim`, or says in AWS's words why the request carries no complete signature.
std::optional<ErrorShape> ReadClaim(const net::HttpRequest& request, SignatureClaim& claim);

// Appends the canonical request of what `claim` says was signed. False where that cannot be: a
// signed header that is absent, or a list that is not sorted and unique.
bool AppendCanonicalRequest(std::string& out, const net::HttpRequest& request,
                            const SignatureClaim& claim, const codec::Sha256Digest& body_digest);

// Pieces of it. The path is normalised and encoded once more, as every service but S3 wants it; of
// a query the parameter named `left_out` is skipped.
void AppendCanonicalPath(std::string& out, std::string_view path);
void AppendCanonicalQuery(std::string& out, std::string_view query, std::string_view left_out);
// Trimmed, runs of white space made one space.
void AppendCanonicalValue(std::string& out, std::string_view value);
void AppendHex(std::string& out, const codec::Sha256Digest& digest);

// "AWS4-HMAC-SHA256\n<timestamp>\n<scope>\n<hash of the canonical request>".
std::string StringToSign(const SignatureClaim& claim, std::string_view canonical_request);
codec::Sha256Digest DeriveSigningKey(std::string_view secret, std::string_view date,
                                     std::string_view region, std::string_view service);

// "20261121T120000Z" and back; nothing for any other text.
std::string FormatSigningTime(WallMs ms);
std::optional<WallMs> ParseSigningTime(std::string_view text);

}  // namespace millrace::aws
