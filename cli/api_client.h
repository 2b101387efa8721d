#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/aws/sigv4.h"
#include "common/base/status.h"
#include "common/config/setting.h"
#include "common/http_client/http_client.h"
#include "common/json/value.h"

namespace millrace::cli {

struct ApiOptions {
  std::string endpoint = "http://127.0.0.1:4566";
  std::string region = "us-east-1";
  std::optional<aws::Credentials> credentials;  // none: unsigned
  bool verify_certificate = true;
};

// The flags that every command which talks to a server has: --endpoint, --region, --output.
struct ApiFlags {
  explicit ApiFlags(config::Settings& settings);
  // With the credentials of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY where both are set.
  ApiOptions Options() const;

  const std::string& endpoint;
  const std::string& region;
  const bool& insecure;
};

// Calls the AWS API and the resource API of a Millrace endpoint. Blocks; one thread at a time.
class ApiClient {
 public:
  explicit ApiClient(ApiOptions options);

  // Kinesis_20131202.<operation> in JSON 1.1. A failure has the exception's name and message; its
  // code is that of the exception where there is one (kThrottled, kNotFound, ...), kUnavailable
  // where nobody answers.
  Result<json::Value> Kinesis(std::string_view operation, const json::Value& input);
  // SubscribeToShard: hands every event's document over until the server or `on_event` ends it.
  Status Subscribe(const json::Value& input,
                   const std::function<bool(const json::Value& event)>& on_event);
  // /apis/millrace.dev/v1alpha1 below; `body` null for none.
  Result<json::Value> Resource(std::string_view method, std::string_view path,
                               const json::Value& body = {});
  const ApiOptions& options() const { return options_; }
  void Abort() { client_.Abort(); }

 private:
  net::ClientRequest Prepare(std::string method, std::string target, std::string body,
                             std::vector<net::OwnedHeader> headers, std::string service) const;

  const ApiOptions options_;
  std::string host_;
  net::HttpClient client_;
};

// Prints "millrace: <message>" with what to do about it to standard error; returns the exit code 1.
int Fail(const Status& status, const ApiOptions& options);

}  // namespace millrace::cli
