#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/http_client/http_client.h"
#include "common/kube/client.h"

namespace millrace::kube {

// One call of the API.
struct Call {
  std::string verb;    // of metrics: get, list, create, update, apply, patch, delete, watch
  std::string kind;    // of metrics
  std::string method;  // "GET"
  std::string target;  // path and query
  std::string content_type{};
  std::string body{};
  bool is_read() const { return method == "GET"; }
};

// Carries calls to the API server and its answers back: kept-alive connections, credentials,
// Retry-After, errors as Status. Owned by a Client; any thread, blocks.
class Transport {
 public:
  Transport(ClusterAccess access, ClientOptions options)
      : access_(std::move(access)), options_(std::move(options)) {}
  // The answer's document; a status other than 2xx is a failure (client.h says which).
  Result<json::Value> Send(const Call& call);
  // The same where the answer is plain text.
  Result<std::string> SendForText(const Call& call);
  // A connection of its own for a watch.
  std::unique_ptr<net::HttpClient> Connect(std::chrono::milliseconds read_time_max,
                                           const Credential& credential) const;
  net::ClientRequest ToRequest(const Call& call, const Credential& credential) const;
  void Count(const Call& call, int status, Duration took) const;

  const ClusterAccess& access() const { return access_; }
  const ClientOptions& options() const { return options_; }

 private:
  // Obeys Retry-After; any HTTP status is a success.
  Result<net::ClientResponse> SendPatiently(const Call& call);
  Result<net::ClientResponse> Exchange(const Call& call, const Credential& credential);
  std::unique_ptr<net::HttpClient> Borrow(const Credential& credential);
  void GiveBack(std::unique_ptr<net::HttpClient> connection, const Credential& credential);

  const ClusterAccess access_;
  const ClientOptions options_;
  std::mutex mu_;
  // Guarded by mu_.
  std::vector<std::unique_ptr<net::HttpClient>> idle_;
  uint64_t idle_credential_ = 0;  // the number of the one that they were made with
};

// Documents of the API: larger and deeper than what strangers may send.
Result<json::Value> ParseDocument(std::string_view text);
// What a Status object, or a body that is none, says about an answer of `http_status`.
Status ToStatus(int http_status, const json::Value& body, std::string_view text);
// Percent-encoded for a query.
std::string QueryEncode(std::string_view text);

}  // namespace millrace::kube
