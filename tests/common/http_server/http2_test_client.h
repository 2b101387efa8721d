#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {

// An HTTP/2 client on nghttp2 that does only what a test tells it, in clear text or in TLS. Every
// wait is bounded.
class Http2TestClient {
 public:
  struct Options {
    bool tls = false;
    std::string alpn = {};     // "h2", "http/1.1", or "" for none
    bool open_windows = true;  // false: only what OpenWindow gives
  };
  struct Answer {
    int status = 0;
    std::vector<int> informational;
    std::map<std::string, std::string> headers;
    std::string body;
    bool closed = false;
    uint32_t error_code = 0;
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Http2TestClient(uint16_t port, Options options);
  ~Http2TestClient();

  // Without `end` the body stays open for Continue.
  int32_t Submit(const std::string& method, const std::string& path, std::string body,
                 Headers headers = {}, bool end = true);
  void Continue(int32_t stream, std::string_view more, bool end);
  Answer& answer(int32_t stream) { return answers_[stream]; }
  // Exchanges frames until `done` or 5 s passed.
  bool RunUntil(const std::function<bool()>& done);
  bool RunUntilClosed(int32_t stream);
  void Reset(int32_t stream);
  void Ping();
  void OpenWindow(int32_t stream, int32_t bytes);
  void SayRaw(std::string_view bytes);
  void Flush();
  std::string Negotiated() const;
  bool gone_away() const { return gone_away_; }
  uint32_t goaway_code() const { return goaway_code_; }
  bool at_end() const { return at_end_; }
  uint32_t streams_max() const;
  void Close() { socket_.Close(); }

 private:
  struct Body {
    std::string data;
    size_t sent = 0;
    bool end = true;
  };
  static ssize_t ReadBody(nghttp2_session*, int32_t stream, uint8_t* out, size_t size,
                          uint32_t* flags, nghttp2_data_source*, void* user_data);
  void InstallCallbacks(nghttp2_session_callbacks* callbacks);
  bool ReceiveOnce();

  RawClient socket_;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  nghttp2_session* session_ = nullptr;
  std::map<int32_t, Answer> answers_;
  std::map<int32_t, Body> bodies_;
  bool gone_away_ = false;
  bool at_end_ = false;
  uint32_t goaway_code_ = 0;
};

}  // namespace millrace::net
