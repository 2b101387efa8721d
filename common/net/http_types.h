#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"

namespace millrace::net {

struct Header {
  std::string_view name;  // as sent; compare with FindHeader
  std::string_view value;
};
using OwnedHeader = std::pair<std::string, std::string>;

enum class HttpVersion { kHttp11, kHttp2 };

// A whole request. Views point into `storage`, which travels with it; the body is one contiguous
// buffer from the receive pool. A move-only value.
struct HttpRequest {
  HttpVersion version = HttpVersion::kHttp11;
  bool tls = false;
  std::string_view method;      // "POST"
  std::string_view target;      // "/path?query", undecoded
  std::string_view path;        // before '?'
  std::string_view query;       // after '?', maybe empty
  std::string_view authority;   // Host or :authority
  std::vector<Header> headers;  // pseudo headers left out
  Slice body;
  std::string peer;  // "127.0.0.1:50312"
  std::shared_ptr<const void> storage;

  HttpRequest() = default;
  HttpRequest(HttpRequest&&) = default;
  HttpRequest& operator=(HttpRequest&&) = default;

  // The first header of that name (case-insensitive), or "".
  std::string_view FindHeader(std::string_view name) const;
  bool HasHeader(std::string_view name) const;
};

// A whole response: Content-Length, Date and Connection are added by the server. `body` is sent
// as it is, without copying, in order.
struct HttpResponse {
  int status = 200;
  std::vector<OwnedHeader> headers;
  std::vector<Slice> body;
};

}  // namespace millrace::net
