#include "common/kube/transport.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "common/base/clock.h"

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kUnauthorized = 401;
constexpr int kTooManyRequests = 429;
constexpr int kServiceUnavailable = 503;

Code CodeOf(int http_status, const std::string& reason) {
  if (reason == "AlreadyExists") return Code::kResourceInUse;
  if (reason == "Expired" || reason == "Gone") return Code::kExpiredToken;
  switch (http_status) {
    case 400:
    case 422:
      return Code::kValidation;
    case 401:
    case 403:
      return Code::kAccessDenied;
    case 404:
      return Code::kNotFound;
    case 405:
    case 415:
      return Code::kUnsupported;
    case 409:
      return Code::kConflict;
    case 410:
      return Code::kExpiredToken;
    case kTooManyRequests:
      return Code::kThrottled;
    case 504:
      return Code::kTimeout;
    default:
      return http_status >= 500 ? Code::kUnavailable : Code::kInternal;
  }
}

// How long the server asks us to stay away; nothing where it does not.
std::optional<milliseconds> RetryAfter(const net::ClientResponse& response) {
  if (response.status != kTooManyRequests && response.status != kServiceUnavailable)
    return std::nullopt;
  return response.RetryAfter();
}

}  // namespace

Result<json::Value> ParseDocument(std::string_view text) {
  json::Limits limits;
  limits.depth_max = 128;
  limits.tokens_max = 20'000'000;
  return json::ParseJson(text, limits);
}

Status ToStatus(int http_status, const json::Value& body, std::string_view text) {
  constexpr size_t kMessageMax = 2'000;
  const bool is_status = body["kind"].AsString() == "Status";
  std::string message = is_status ? body["message"].AsString() : std::string(text);
  if (message.size() > kMessageMax) message.resize(kMessageMax);
  while (!message.empty() && message.back() == '\n') message.pop_back();
  if (!is_status || message.empty()) {
    message = "the API server answers " + std::to_string(http_status) + ": " + message;
  }
  // A kind that is not offered is not an object that is not there.
  if (http_status == 404 && body.At("details", "name").AsString().empty())
    return {Code::kUnsupported, std::move(message)};
  return {CodeOf(http_status, body["reason"].AsString()), std::move(message)};
}

std::string QueryEncode(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::unique_ptr<net::HttpClient> Transport::Connect(milliseconds read_time_max,
                                                    const Credential& credential) const {
  net::HttpClientOptions http;
  http.connect_time_max = options_.connect_time_max;
  http.read_time_max = read_time_max;
  http.verify_certificate = access_.verify_certificate;
  http.ca_pem = access_.ca_pem;
  http.client_certificate_pem = credential.client_certificate_pem;
  http.client_key_pem = credential.client_key_pem;
  http.probe_connection = true;
  return std::make_unique<net::HttpClient>(access_.server, std::move(http));
}

net::ClientRequest Transport::ToRequest(const Call& call, const Credential& credential) const {
  net::ClientRequest request{call.method, call.target, {}, call.body};
  request.headers.emplace_back("Accept", "application/json");
  request.headers.emplace_back("User-Agent", options_.user_agent);
  if (!call.content_type.empty()) request.headers.emplace_back("Content-Type", call.content_type);
  if (!credential.token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + credential.token);
  }
  return request;
}

std::unique_ptr<net::HttpClient> Transport::Borrow(const Credential& credential) {
  {
    std::lock_guard lock(mu_);
    if (idle_credential_ == credential.number && !idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  return Connect(options_.request_time_max, credential);
}

void Transport::GiveBack(std::unique_ptr<net::HttpClient> connection,
                         const Credential& credential) {
  std::lock_guard lock(mu_);
  if (credential.number < idle_credential_) return;
  // Their TLS shows who we were.
  if (std::exchange(idle_credential_, credential.number) != credential.number) idle_.clear();
  if (idle_.size() < options_.idle_connections_max) idle_.push_back(std::move(connection));
}

Result<net::ClientResponse> Transport::Exchange(const Call& call, const Credential& credential) {
  auto connection = Borrow(credential);
  const net::ClientRequest request = ToRequest(call, credential);
  Result<net::ClientResponse> response = connection->Send(request);
  // The server may have closed a kept-alive connection just as we used it.
  if (!response.ok() && call.is_read() && response.status().code() == Code::kUnavailable) {
    connection = Connect(options_.request_time_max, credential);
    response = connection->Send(request);
  }
  if (response.ok()) GiveBack(std::move(connection), credential);
  return response;
}

void Transport::Count(const Call& call, int status, Duration took) const {
  if (options_.metrics == nullptr) return;
  options_.metrics
      ->GetCounter("millrace_kube_requests_total", "Calls of the Kubernetes API.",
                   {{"verb", call.verb}, {"kind", call.kind}, {"code", std::to_string(status)}})
      .Add();
  if (call.verb == "watch") return;  // lasts as long as it is let
  options_.metrics
      ->GetHistogram("millrace_kube_request_seconds", "How long calls of the Kubernetes API take.",
                     {{"verb", call.verb}})
      .Observe(std::chrono::duration<double>(took).count());
}

Result<net::ClientResponse> Transport::SendPatiently(const Call& call) {
  const auto give_up = steady_clock::now() + options_.retry_time_max;
  bool is_renewed = false;
  while (true) {
    // Anew for each try: the token may have been rotated.
    ASSIGN_OR_RETURN(const Credential credential, access_.CurrentCredential());
    const auto began = steady_clock::now();
    Result<net::ClientResponse> response = Exchange(call, credential);
    Count(call, response.ok() ? response->status : 0, steady_clock::now() - began);
    if (!response.ok()) return response;
    // The server has done nothing: the same call may go again.
    if (response->status == kUnauthorized && !std::exchange(is_renewed, true) &&
        access_.Renew(credential)) {
      continue;
    }
    std::optional<milliseconds> after = RetryAfter(*response);
    if (!after || steady_clock::now() + *after >= give_up) return response;
    // 0 is not meant as "at once".
    std::this_thread::sleep_for(std::max(*after, milliseconds(20)));
  }
}

Result<json::Value> Transport::Send(const Call& call) {
  ASSIGN_OR_RETURN(const net::ClientResponse response, SendPatiently(call));
  Result<json::Value> body = ParseDocument(response.body);
  if (response.status >= 200 && response.status < 300) {
    if (!body.ok()) return Unavailable("the API server's answer: " + body.status().message());
    return body;
  }
  return ToStatus(response.status, body.ok() ? *body : json::Value(), response.body);
}

Result<std::string> Transport::SendForText(const Call& call) {
  ASSIGN_OR_RETURN(net::ClientResponse response, SendPatiently(call));
  if (response.status >= 200 && response.status < 300) return std::move(response.body);
  Result<json::Value> body = ParseDocument(response.body);
  return ToStatus(response.status, body.ok() ? *body : json::Value(), response.body);
}

}  // namespace millrace::kube
