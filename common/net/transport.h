#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct ssl_st;
typedef struct ssl_ctx_st SSL_CTX;

namespace millrace::net {

// The bytes of one socket, in clear or through TLS. Never blocks. Does not own the file
// descriptor. Owned by a Connection, on its executor.
class Transport {
 public:
  static constexpr ssize_t kWouldBlock = -1;
  static constexpr ssize_t kFailed = -2;

  virtual ~Transport() = default;
  // Goes on with the handshake: 1 done, kWouldBlock (wait until readable; output may be pending) or
  // kFailed.
  virtual ssize_t Handshake() = 0;
  // What ALPN settled on: "h2", "http/1.1" or "".
  virtual std::string_view application_protocol() const = 0;
  // Bytes read, 0 at the end, kWouldBlock or kFailed.
  virtual ssize_t Read(void* data, size_t size) = 0;
  // After a Read that gave `got` of `asked`: another one may give more without waiting first.
  virtual bool MayHaveMore(size_t got, size_t asked) const = 0;
  // Input has left the socket that Read has not given out yet: no readiness will tell of it.
  virtual bool HasBufferedInput() const = 0;
  // Bytes taken (maybe fewer than given, also 0) or kFailed. Fewer: wait until writable.
  virtual ssize_t Write(const iovec* pieces, size_t count) = 0;
  // Output that Write took and the socket did not; Write({}, 0) goes on with it.
  virtual size_t pending_output() const = 0;
  // Says to the peer that nothing follows.
  virtual void ShutDownOutput() = 0;
  virtual bool encrypted() const = 0;
  // Why TLS went no further, for people; "" where nothing is known.
  virtual std::string problem() const { return {}; }
  // The other side answered a TLS handshake with what is none.
  virtual bool met_clear_text() const { return false; }
};

std::unique_ptr<Transport> MakePlainTransport(int fd);
// Null when OpenSSL has no memory.
std::unique_ptr<Transport> MakeTlsTransport(int fd, SSL_CTX* context);
// Of a server that takes clients in clear text as well: their first byte tells.
std::unique_ptr<Transport> MakeTlsOrPlainTransport(int fd, SSL_CTX* context);
// The side that connects, to whoever proves to be `host`.
std::unique_ptr<Transport> MakeTlsClientTransport(int fd, SSL_CTX* context,
                                                  const std::string& host);

}  // namespace millrace::net
