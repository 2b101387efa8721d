#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/aws/error_shape.h"
#include "common/base/clock.h"
#include "common/codec/digest.h"
#include "common/net/http_types.h"

namespace millrace::aws {

// What a key may be used for. Immutable; any thread.
class Grants {
 public:
  virtual ~Grants() = default;
  // `stream` "": a call that is about no stream in particular.
  virtual bool Allows(std::string_view operation, std::string_view stream) const = 0;
};

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string account_id = "000000000000";
  std::string user_name;
  std::shared_ptr<const Grants> grants{};  // null: everything
};

// Who a request is from.
struct Identity {
  std::string access_key_id;
  std::string account_id = "000000000000";
  std::string user_name;
  std::string region = "us-east-1";        // of the credential scope
  std::shared_ptr<const Grants> grants{};  // null: everything
};

// Looks an access key up; nothing where it is not known. Any thread.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual std::optional<Credentials> Find(std::string_view access_key_id) const = 0;
};

// Signature Version 4 verification, header and query (presigned) form. The caller hashes the body
// (in batches) and passes the digest; a request whose declared x-amz-content-sha256 differs from it
// is refused, UNSIGNED-PAYLOAD too. `host`, and `x-amz-target` where there is one, have to be
// signed. Dates are ISO-8601 basic, at most 15 minutes off; a presigned request lives as long as it
// says. Signing keys are cached per (key, date, region), bounded, and only after a good signature;
// a refusal takes the same time whether the key exists or not. Any thread. Source:
// docs.aws.amazon.com, "Create a signed AWS API request".
class SigV4Verifier {
 public:
  SigV4Verifier(const KeyStore& keys, const Clock& clock, std::string service);
  ~SigV4Verifier();
  struct Outcome {
    std::optional<Identity> identity;
    std::optional<ErrorShape> error;  // set exactly where identity is not
  };
  Outcome Verify(const net::HttpRequest& request, const codec::Sha256Digest& body_digest) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct SignRequest {
  std::string method = "POST";
  std::string host;
  std::string path = "/";
  std::string query;
  std::vector<net::OwnedHeader> headers;  // signed too; each name once
  std::string_view body;
  std::string region = "us-east-1";
  std::string service = "kinesis";
  // Of the body, where the caller has it already.
  std::optional<codec::Sha256Digest> body_digest{};
};
// The headers to add: host, x-amz-date, authorization. For the service "s3" the path has to be
// encoded as it is sent, and `headers` to have x-amz-content-sha256.
std::vector<net::OwnedHeader> SignV4(const SignRequest& request, const Credentials& credentials,
                                     WallMs now);

// The access key id and region that a request claims, unverified: for `--auth none`.
Identity ClaimedIdentity(const net::HttpRequest& request);

}  // namespace millrace::aws
