#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/net/http_types.h"

namespace millrace::net {

struct ClientRequest {
  std::string method = "POST";
  std::string target = "/";
  std::vector<OwnedHeader> headers;
  std::string body;
};
struct ClientResponse {
  int status = 0;
  std::vector<OwnedHeader> headers;
  std::string body;
  std::string_view FindHeader(std::string_view name) const;
  // How long the server asks us to stay away, in whole seconds; nothing where it does not, or says
  // it as a date.
  std::optional<std::chrono::seconds> RetryAfter() const;
};

// An http(s) address taken apart: what HttpClient takes, and what is asked for there.
struct UrlParts {
  std::string endpoint;  // "https://host:port"
  std::string target;    // "/path?query"; a fragment is left out
};
Result<UrlParts> SplitUrl(const std::string& url);

struct HttpClientOptions {
  std::chrono::milliseconds connect_time_max{5'000};
  std::chrono::milliseconds read_time_max{30'000};
  bool verify_certificate = true;
  // PEM. Authorities to trust in the place of the system's, and what we show of ourselves.
  std::string ca_pem{};
  std::string client_certificate_pem{};
  std::string client_key_pem{};
  // The kernel probes a silent connection after 15 s and breaks it after 15 more, so that waiting
  // for a peer that is gone ends.
  bool probe_connection = false;
  // A kept-alive connection that rested for longer is replaced: servers close theirs (ours after
  // 75 s, a Kubernetes API server after 90 s, load balancers from 60 s on) without asking.
  std::chrono::milliseconds idle_time_max{45'000};
};

// A blocking HTTP/1.1 client with one kept-alive connection (on cpp-httplib): for the CLI, the
// agent and calls between our processes, never on an executor. One thread at a time. A kept-alive
// connection that the server has closed meanwhile is replaced before a call, and once during one
// as long as the request has not been sent whole; never when it may have been understood.
class HttpClient {
 public:
  // `endpoint`: "http://host:port" or "https://host:port".
  HttpClient(const std::string& endpoint, HttpClientOptions options = {});
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  // Unavailable when nobody answers, Timeout when it takes too long; any HTTP status is a success.
  Result<ClientResponse> Send(const ClientRequest& request);
  // The same, handing the body over in pieces as it arrives; `on_data` returns false to stop. A
  // status other than 200 is returned with its whole body instead. `on_open` hears of a 200 before
  // the first piece.
  Result<ClientResponse> Stream(const ClientRequest& request,
                                const std::function<bool(std::string_view)>& on_data,
                                const std::function<void()>& on_open = {});
  // Breaks a call that another thread is in; without effect on one that has yet to begin.
  void Abort();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
