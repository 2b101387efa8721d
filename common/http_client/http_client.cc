// The only file that includes cpp-httplib.
#define CPPHTTPLIB_OPENSSL_SUPPORT
#include "common/http_client/http_client.h"

#include <httplib.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <charconv>
#include <csignal>
#include <mutex>

#include "common/http_client/client_identity.h"
#include "common/net/ascii.h"

namespace millrace::net {
namespace {

// What went wrong, for a person; the library's own words are the names of its error codes.
std::string Describe(httplib::Error error) {
  switch (error) {
    case httplib::Error::Connection:
      return "nobody accepts the connection";
    case httplib::Error::ConnectionTimeout:
      return "the connection was not accepted in time";
    case httplib::Error::Read:
      return "the connection was cut while waiting for the answer";
    case httplib::Error::Write:
      return "the connection was cut while sending";
    case httplib::Error::SSLConnection:
      return "no TLS connection could be made";
    case httplib::Error::SSLServerVerification:
      return "the TLS certificate is not trusted";
    default:
      return httplib::to_string(error);
  }
}

using std::chrono::steady_clock;

// Of a TLS record; nearly all requests fit.
constexpr long kSentRecordMax = 4096;

// The library writes without MSG_NOSIGNAL, and a peer that went away is no reason to end.
void IgnoreBrokenPipes() {
  static std::once_flag once;
  std::call_once(once, [] { std::signal(SIGPIPE, SIG_IGN); });
}

struct Place {
  bool is_tls = false;
  std::string host;
  int port = 0;
};

// "http(s)://host[:port]", the host perhaps in brackets.
std::optional<Place> ParseEndpoint(std::string_view text) {
  Place place;
  place.is_tls = text.starts_with("https://");
  if (!place.is_tls && !text.starts_with("http://")) return std::nullopt;
  text.remove_prefix(place.is_tls ? 8 : 7);
  if (text.ends_with('/')) text.remove_suffix(1);
  size_t colon = text.rfind(':');
  if (text.starts_with('[')) {
    size_t bracket = text.find(']');
    if (bracket == text.npos) return std::nullopt;
    if (colon < bracket) colon = text.npos;
    place.host = text.substr(1, bracket - 1);
  } else {
    place.host = text.substr(0, colon);
  }
  place.port = place.is_tls ? 443 : 80;
  if (colon != text.npos) {
    std::string_view port = text.substr(colon + 1);
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), place.port);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
  }
  const bool host_is_plain = place.host.find_first_of("/?#@ ") == place.host.npos;
  return host_is_plain && !place.host.empty() && place.port > 0 && place.port < 65'536
             ? std::optional(place)
             : std::nullopt;
}

void ProbeConnection(socket_t socket) {
  auto set = [&](int level, int name, int value) {
    setsockopt(socket, level, name, &value, sizeof value);
  };
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 15'000);
}

// Between calls a server has nothing to say but goodbye, which in TLS is a message. The library
// takes that for a sign of life.
bool HasSomethingToRead(socket_t socket) {
  pollfd wait{socket, POLLIN | POLLRDHUP, 0};
  return poll(&wait, 1, 0) > 0;
}

httplib::Request ToLibrary(const ClientRequest& request) {
  httplib::Request out;
  out.method = request.method;
  out.path = request.target;
  for (const auto& [name, value] : request.headers) out.headers.emplace(name, value);
  out.body = request.body;
  return out;
}

ClientResponse FromLibrary(httplib::Response& response) {
  ClientResponse out;
  out.status = response.status;
  for (auto& [name, value] : response.headers) out.headers.emplace_back(name, value);
  out.body = std::move(response.body);
  return out;
}

}  // namespace

std::string_view ClientResponse::FindHeader(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (EqualsIgnoringCase(header, name)) return value;
  }
  return {};
}

Result<UrlParts> SplitUrl(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos)
    return InvalidArgument("'" + url + "' is no address such as https://host:port/path");
  const size_t path = url.find_first_of("/?#", scheme + 3);
  UrlParts parts{url.substr(0, path), {}};
  if (path != std::string::npos) parts.target = url.substr(path, url.find('#') - path);
  if (!parts.target.starts_with('/')) parts.target.insert(0, 1, '/');
  return parts;
}

std::optional<std::chrono::seconds> ClientResponse::RetryAfter() const {
  const std::string_view text = FindHeader("retry-after");
  uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (text.empty() || error != std::errc()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

struct HttpClient::Impl {
  std::string endpoint;
  HttpClientOptions options;
  std::unique_ptr<MemoryFile> authorities;
  std::unique_ptr<httplib::ClientImpl> client;  // null where `problem` says why
  Status problem;
  steady_clock::time_point used;  // when the last call ended

  Status Prepare() {
    std::optional<Place> place = ParseEndpoint(endpoint);
    if (!place) {
      return InvalidArgument("endpoint '" + endpoint + "' is not http(s)://host:port");
    }
    if (!place->is_tls) {
      client = std::make_unique<httplib::ClientImpl>(place->host, place->port);
    } else {
      ASSIGN_OR_RETURN(client, MakeTlsClient(*place));
    }
    if (!options.ca_pem.empty()) {
      ASSIGN_OR_RETURN(authorities, MemoryFile::Make(options.ca_pem));
      client->set_ca_cert_path(authorities->path());
    }
    Configure();
    return OkStatus();
  }

  Result<std::unique_ptr<httplib::ClientImpl>> MakeTlsClient(const Place& place) const {
    std::unique_ptr<httplib::SSLClient> made;
    if (options.client_certificate_pem.empty()) {
      made = std::make_unique<httplib::SSLClient>(place.host, place.port);
    } else {
      ASSIGN_OR_RETURN(auto identity, ClientIdentity::FromPem(options.client_certificate_pem,
                                                              options.client_key_pem));
      made = std::make_unique<httplib::SSLClient>(place.host, place.port, identity->certificate(),
                                                  identity->key());
    }
    // Most connections wait for hours (watches): they need no 34 KiB of buffers meanwhile, and
    // nobody takes up their sessions.
    SSL_CTX* const tls = made->ssl_context();
    if (tls != nullptr) {
      SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
      // The one for sending stays all the same, as large as its records may be.
      SSL_CTX_set_max_send_fragment(tls, kSentRecordMax);
      SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    }
    return std::unique_ptr<httplib::ClientImpl>(std::move(made));
  }

  void Configure() {
    if (options.probe_connection) client->set_socket_options(ProbeConnection);
    client->set_keep_alive(true);
    client->set_tcp_nodelay(true);
    client->set_url_encode(false);  // targets arrive as they were signed
    client->set_connection_timeout(options.connect_time_max);
    client->set_read_timeout(options.read_time_max);
    client->set_write_timeout(options.read_time_max);
    client->enable_server_certificate_verification(options.verify_certificate);
  }

  Result<ClientResponse> Send(httplib::Request& request) {
    if (!problem.ok()) return problem;
    const auto started = steady_clock::now();
    const bool is_kept = KeepsGoodConnection(started);
    httplib::Response response;
    httplib::Error error = httplib::Error::Success;
    bool answered = client->send(request, response, error);
    // What was not sent whole was not understood.
    if (!answered && is_kept && error == httplib::Error::Write &&
        steady_clock::now() - started < options.connect_time_max) {
      response = {};
      answered = client->send(request, response, error);
    }
    used = steady_clock::now();
    if (answered) return FromLibrary(response);
    return Explain(error, used - started);
  }

  // Whether the connection of the last call is there and good; one that is not is closed.
  bool KeepsGoodConnection(steady_clock::time_point now) {
    if (client->is_socket_open() == 0) return false;
    const bool is_good =
        now - used < options.idle_time_max && !HasSomethingToRead(client->socket());
    if (!is_good) client->stop();
    return is_good;
  }

  // The library does not tell a time-out from a connection that broke.
  Status Explain(httplib::Error error, steady_clock::duration took) const {
    const std::string message = endpoint + ": " + Describe(error);
    const bool late = (error == httplib::Error::Read && took >= options.read_time_max) ||
                      (error == httplib::Error::Connection && took >= options.connect_time_max) ||
                      error == httplib::Error::ConnectionTimeout;
    return late ? Status(Code::kTimeout, message) : Unavailable(message);
  }
};

HttpClient::HttpClient(const std::string& endpoint, HttpClientOptions options)
    : impl_(new Impl{endpoint, std::move(options), nullptr, nullptr, {}, {}}) {
  IgnoreBrokenPipes();
  impl_->problem = impl_->Prepare();
  if (!impl_->problem.ok()) impl_->client = nullptr;
}

HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

Result<ClientResponse> HttpClient::Send(const ClientRequest& request) {
  httplib::Request out = ToLibrary(request);
  return impl_->Send(out);
}

Result<ClientResponse> HttpClient::Stream(const ClientRequest& request,
                                          const std::function<bool(std::string_view)>& on_data,
                                          const std::function<void()>& on_open) {
  httplib::Request out = ToLibrary(request);
  ClientResponse head;
  std::string error_body;
  bool stopped = false;
  out.response_handler = [&](const httplib::Response& response) {
    httplib::Response copy = response;
    head = FromLibrary(copy);
    if (head.status == 200 && on_open) on_open();
    return true;
  };
  out.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    if (head.status != 200) {
      error_body.append(data, size);
      return true;
    }
    stopped = !on_data({data, size});
    return !stopped;
  };
  Result<ClientResponse> result = impl_->Send(out);
  if (!result.ok() && !stopped) return result;
  head.body = std::move(error_body);
  return head;
}

void HttpClient::Abort() {
  if (impl_->client != nullptr) impl_->client->stop();
}

}  // namespace millrace::net
