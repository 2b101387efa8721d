#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/aws/sigv4.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/http_client/client_pool.h"

namespace millrace::delivery {

struct S3ClientOptions {
  std::string endpoint;  // "http://minio:9000"; "": AWS's own for the region
  std::string region = "us-east-1";
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token{};
  net::HttpClientOptions http{};
};

// What S3 says of a request that it will not have: <Code> and <Message> of its XML, or the HTTP
// status where there is none.
struct S3Error {
  int status = 0;
  std::string code;  // "NoSuchBucket", "HTTP 502"
  std::string message;
};
S3Error ReadS3Error(const net::ClientResponse& response);
// The text between <name> and </name>, XML's five entities resolved; "" where there is none.
std::string XmlText(std::string_view xml, std::string_view name);
// Percent-encoded as S3 signs keys: everything but letters, digits, "-._~/".
std::string EncodeS3Key(std::string_view key);

// Requests to one S3-compatible store, path style, signed with Signature Version 4 over the whole
// body. Any thread; Stop breaks calls under way.
class S3Client {
 public:
  S3Client(S3ClientOptions options, Clock& clock);
  // `path`: "/bucket/key", encoded; `query`: "uploads=", encoded and sorted. Any HTTP status is a
  // success.
  Result<net::ClientResponse> Send(std::string method, std::string path, std::string query,
                                   std::string_view body, std::vector<net::OwnedHeader> headers);
  void Stop() { pool_.Stop(); }

 private:
  const S3ClientOptions options_;
  const std::string endpoint_;
  const std::string host_;
  Clock& clock_;
  net::ClientPool pool_;
};

}  // namespace millrace::delivery
