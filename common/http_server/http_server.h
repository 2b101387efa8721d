#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/async/io_threads.h"
#include "common/base/status.h"
#include "common/metrics/metrics.h"
#include "common/net/http_types.h"

namespace millrace::net {

class TlsContext;

// The answer to one request. Lives on the connection's executor (`executor()`): every call must
// come from there; post to it from elsewhere. Exactly one of Send or Begin..End must happen;
// letting go of the last reference without either answers 500. A request whose client went away
// still takes its answer and drops it.
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;
  virtual Executor& executor() = 0;
  // The whole answer.
  virtual void Send(HttpResponse response) = 0;
  // A streamed answer (chunked on HTTP/1.1, DATA frames on HTTP/2): Begin, any number of Write,
  // End.
  virtual void Begin(int status, std::vector<OwnedHeader> headers) = 0;
  virtual void Write(Slice data) = 0;
  virtual void End() = 0;
  // Bytes given to Write that the kernel has not taken: back off past your own limit, go on after
  // `on_drained`, which is called whenever it falls to 0 (never from inside Write).
  virtual size_t QueuedBytes() const = 0;
  virtual void OnDrained(std::function<void()> on_drained) = 0;
  // Called once, when the connection or the HTTP/2 stream is gone before Send or End. Both
  // callbacks are dropped, with what they hold, when the answer ends.
  virtual void OnClosed(std::function<void()> on_closed) = 0;
  virtual bool closed() const = 0;
  // Whether Send would take an answer of `bytes` now. One that does not fit below
  // `queued_answer_bytes_max` is answered 503 in its place: ask before making a large one.
  virtual bool HasRoomFor(size_t bytes) const = 0;
};

// What may reach us from outside, with the defaults we ship (docs/limits.md says why).
struct HttpServerLimits {
  size_t header_bytes_max = 32 * 1024;
  size_t header_fields_max = 100;
  size_t request_line_bytes_max = 8 * 1024;
  size_t connections_max = 10'000;
  size_t connections_per_peer_max = 5'000;
  size_t http2_streams_max = 128;
  size_t receive_pool_bytes_max = 1024ull * 1024 * 1024;  // bodies in memory at once; past it 503
  // Answers in memory at once that their clients have not taken; past it 503.
  size_t queued_answer_bytes_max = 1024ull * 1024 * 1024;
  std::chrono::milliseconds handshake_time_max{5'000};
  std::chrono::milliseconds header_time_max{10'000};
  std::chrono::milliseconds idle_time_max{75'000};
  // After a grace of 5 s a body must come at this rate.
  size_t body_bytes_per_second_min = 1024;
  std::chrono::milliseconds body_grace{5'000};
};

struct HttpServerOptions {
  HttpServerLimits limits;
  // How large a body this request may have; called when the head is complete, before any of the
  // body is read. Past it 413. Sees method, path and headers.
  std::function<size_t(const HttpRequest& head)> body_bytes_max;
  std::string server_name = "millrace";
  metrics::Registry* metrics = nullptr;
};

// Called on the connection's executor with the whole request. Must not block.
using HttpHandler =
    std::function<void(HttpRequest request, std::shared_ptr<ResponseWriter> writer)>;

// HTTP/1.1 and HTTP/2 (by preface in clear text; by ALPN or by preface in TLS) on one port.
// Connections are spread over the IoThreads and stay on one executor for life. Made in main; Stop
// (or the destructor) closes the listeners, sends GOAWAY, lets requests in flight finish within
// `grace`, then closes every connection. No handler is called after Stop; a writer may outlive the
// server, it then drops what it is given.
class HttpServer {
 public:
  HttpServer(IoThreads& io, HttpServerOptions options, HttpHandler handler);
  ~HttpServer();
  // Listens on `address` (ListeningSocket::Open) in clear text or, with `tls`, in TLS. Returns the
  // port.
  Result<uint16_t> Listen(const std::string& address, std::shared_ptr<TlsContext> tls = nullptr);
  // From now on clients are told to go elsewhere, at no one's cost: the listeners stay open and
  // every request is served, but an answer ends its connection (HTTP/2: a notice of shutdown). For
  // as long as it takes those in front to hear that this server is leaving; then Stop. Any thread.
  void TurnAway();
  // From any thread but an executor's own.
  void Stop(std::chrono::milliseconds grace = std::chrono::milliseconds(2000));

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::net
