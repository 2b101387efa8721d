#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/http_server/answer_budget.h"
#include "common/http_server/http_server.h"
#include "common/net/buffer_pool.h"

namespace millrace::net {

class Connection;
class Transport;
struct AcceptedSocket;

// The server's series; handles live as long as the registry (the server's own when none is given).
struct ServerMetrics {
  explicit ServerMetrics(metrics::Registry& registry);
  // Requests answered, by first digit of the status.
  void CountAnswer(int status);
  // `reason`: "malformed", "body_too_large", "header_too_large", "time", "memory", "connections",
  // "flood", "handshake", "answers".
  void CountRefused(const std::string& reason);

  metrics::Registry& registry;
  metrics::Counter& connections_accepted;
  metrics::Gauge& connections_open;
  metrics::Counter& received_bytes;
  metrics::Counter& sent_bytes;
  metrics::Gauge& receive_pool_bytes;
  metrics::Gauge& queued_answer_bytes;
  metrics::Counter* answers[6];
};

// Counts connections in all and by peer address. Any thread.
class ConnectionLimiter {
 public:
  ConnectionLimiter(size_t connections_max, size_t per_peer_max)
      : connections_max_(connections_max), per_peer_max_(per_peer_max) {}
  bool TryAdd(const std::string& peer_address);
  void Remove(const std::string& peer_address);

 private:
  const size_t connections_max_;
  const size_t per_peer_max_;
  std::mutex mu_;
  size_t connections_ = 0;
  std::unordered_map<std::string, size_t> by_peer_;
};

struct ServerContext;

// What the connections of one executor share. Lives there, but for its constructor.
class Worker {
 public:
  Worker(IoExecutor& io_executor, ServerContext& context);
  IoExecutor& executor() { return executor_; }
  // Looks at every connection's deadlines from now on, until CloseAll.
  void StartTicking(std::shared_ptr<ServerContext> context);
  // Takes a new connection in, or closes it when there is no more service.
  void Welcome(std::shared_ptr<ServerContext> context, AcceptedSocket socket,
               std::unique_ptr<Transport> transport);
  void Remove(Connection& connection);
  // Tells every connection to end: after what it is doing, or at once.
  void Drain();
  void CloseAll();
  bool draining() const { return draining_; }
  // "Sat, 21 Nov 2026 12:00:00 GMT", now.
  std::string_view DateHeader();
  // For what is looked at before the next callback runs.
  static constexpr size_t kScratchSize = 256 * 1024;
  uint8_t* scratch();

 private:
  void Tick();
  void ScheduleTick(std::shared_ptr<ServerContext> context);

  IoExecutor& executor_;
  ServerContext& context_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::unique_ptr<uint8_t[]> scratch_;
  std::string date_;
  int64_t date_second_ = 0;
  MonoTime last_trim_{};
  Executor::TimerId tick_ = 0;
  bool draining_ = false;
  bool closed_ = false;
};

// Everything a connection needs of its server. Shared by the server and its connections, so that a
// writer that outlives the server still has ground to stand on.
struct ServerContext {
  ServerContext(IoThreads& io, HttpServerOptions server_options, HttpHandler request_handler);

  // Bytes of body this head may have.
  size_t BodyBytesMax(const HttpRequest& head) const;
  // Bytes a second at which a body must come that holds `memory` of the pool.
  double BodyRateMin(size_t memory) const;
  // How fast a client must take the `unsent` bytes that wait for it, in each window of time.
  struct SendPace {
    Duration window;
    double bytes_per_second_min;
  };
  SendPace SendPaceFor(size_t unsent) const;
  // The answer's size; one that there is no room for becomes 503 first.
  size_t FitAnswer(HttpResponse& response);
  void CountConnectionClosed();

  const HttpServerOptions options;
  const HttpHandler handler;
  std::unique_ptr<metrics::Registry> own_registry;  // when none was given
  ServerMetrics metrics;
  std::shared_ptr<BufferPool> pool;
  AnswerBudget answers;
  ConnectionLimiter limiter;
  const Duration tick;
  std::vector<std::unique_ptr<Worker>> workers;
  std::atomic<bool> turning_away{false};  // each answer ends its connection

  std::mutex mu;
  std::condition_variable changed;
  // Guarded by mu.
  size_t connections_open = 0;
};

// CLOCK_MONOTONIC to a few milliseconds, at the cost of a memory read.
MonoTime CoarseNow();

}  // namespace millrace::net
