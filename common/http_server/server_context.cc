#include "common/http_server/server_context.h"

#include <algorithm>
#include <ctime>

#include "common/base/bytes.h"
#include "common/http_server/connection.h"
#include "common/net/http_status.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

constexpr size_t kDefaultBodyBytesMax = 16 * kMiB;
constexpr milliseconds kTickMin{5};
constexpr milliseconds kTickMax{500};
// With more than half of the memory for requests, or for answers, out, the slow may hold their part
// of it for this long.
constexpr double kSecondsUnderPressure = 16;
constexpr Duration kTrimEvery = std::chrono::seconds(10);

// Often enough that no limit is overrun by more than a quarter.
Duration TickFor(const HttpServerLimits& limits) {
  milliseconds shortest = std::min(
      {limits.handshake_time_max, limits.header_time_max, limits.idle_time_max, limits.body_grace});
  return std::clamp(shortest / 4, kTickMin, kTickMax);
}

metrics::Registry& RegistryOf(const HttpServerOptions& options,
                              std::unique_ptr<metrics::Registry>& own) {
  if (options.metrics != nullptr) return *options.metrics;
  own = std::make_unique<metrics::Registry>();
  return *own;
}

timespec Read(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return time;
}

}  // namespace

MonoTime CoarseNow() {
  timespec time = Read(CLOCK_MONOTONIC_COARSE);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

ServerMetrics::ServerMetrics(metrics::Registry& r)
    : registry(r),
      connections_accepted(r.GetCounter("millrace_net_connections_total", "Connections accepted")),
      connections_open(r.GetGauge("millrace_net_open_connections", "Connections open now")),
      received_bytes(
          r.GetCounter("millrace_net_received_bytes_total", "Bytes received, after TLS")),
      sent_bytes(r.GetCounter("millrace_net_sent_bytes_total", "Bytes sent, before TLS")),
      receive_pool_bytes(
          r.GetGauge("millrace_net_receive_pool_bytes", "Memory that holds received requests")),
      queued_answer_bytes(r.GetGauge("millrace_net_queued_answer_bytes",
                                     "Answers that their clients have not taken yet")),
      answers{} {
  for (int digit = 1; digit <= 5; ++digit) {
    answers[digit] = &r.GetCounter("millrace_net_requests_total", "Requests answered",
                                   {{"status", std::to_string(digit) + "xx"}});
  }
}

void ServerMetrics::CountAnswer(int status) { answers[std::clamp(status / 100, 1, 5)]->Add(); }

void ServerMetrics::CountRefused(const std::string& reason) {
  registry
      .GetCounter("millrace_net_refused_total", "Requests and connections that a limit refused",
                  {{"reason", reason}})
      .Add();
}

bool ConnectionLimiter::TryAdd(const std::string& peer_address) {
  std::lock_guard lock(mu_);
  if (connections_ >= connections_max_) return false;
  size_t& count = by_peer_[peer_address];
  if (count >= per_peer_max_) return false;
  ++count;
  ++connections_;
  return true;
}

void ConnectionLimiter::Remove(const std::string& peer_address) {
  std::lock_guard lock(mu_);
  --connections_;
  auto it = by_peer_.find(peer_address);
  CHECK(it != by_peer_.end());
  if (--it->second == 0) by_peer_.erase(it);
}

Worker::Worker(IoExecutor& io_executor, ServerContext& context)
    : executor_(io_executor), context_(context) {}

void Worker::StartTicking(std::shared_ptr<ServerContext> context) {
  if (!closed_) ScheduleTick(std::move(context));
}

void Worker::ScheduleTick(std::shared_ptr<ServerContext> context) {
  const Duration delay = context->tick;
  tick_ = executor_.RunAfter(delay, [this, context = std::move(context)]() mutable {
    Tick();
    ScheduleTick(std::move(context));
  });
}

void Worker::Tick() {
  const MonoTime now = CoarseNow();
  // Backwards: a connection that closes itself is replaced by the last one, which was looked at.
  for (size_t i = connections_.size(); i-- > 0;) {
    std::shared_ptr<Connection> connection = connections_[i];
    connection->OnTick(now);
  }
  context_.metrics.receive_pool_bytes.Set(static_cast<double>(context_.pool->bytes_out()));
  context_.metrics.queued_answer_bytes.Set(static_cast<double>(context_.answers.bytes()));
  if (this == context_.workers.front().get() && now - last_trim_ >= kTrimEvery) {
    last_trim_ = now;
    context_.pool->Trim();
  }
}

void Worker::Welcome(std::shared_ptr<ServerContext> context, AcceptedSocket socket,
                     std::unique_ptr<Transport> transport) {
  auto connection = std::make_shared<Connection>(std::move(context), *this, std::move(socket),
                                                 std::move(transport));
  connection->set_worker_index(connections_.size());
  connections_.push_back(connection);
  if (draining_) {
    connection->Close();
  } else {
    connection->Start();
  }
}

void Worker::Remove(Connection& connection) {
  const size_t index = connection.worker_index();
  CHECK(index < connections_.size() && connections_[index].get() == &connection);
  if (index + 1 < connections_.size()) {
    std::swap(connections_[index], connections_.back());
    connections_[index]->set_worker_index(index);
  }
  connections_.pop_back();
}

void Worker::Drain() {
  draining_ = true;
  for (size_t i = connections_.size(); i-- > 0;) {
    std::shared_ptr<Connection> connection = connections_[i];
    connection->Drain();
  }
}

void Worker::CloseAll() {
  draining_ = closed_ = true;
  executor_.Cancel(tick_);
  while (!connections_.empty()) {
    std::shared_ptr<Connection> connection = connections_.back();
    connection->Close();
  }
}

std::string_view Worker::DateHeader() {
  const time_t now = Read(CLOCK_REALTIME_COARSE).tv_sec;
  if (now != date_second_) {
    date_second_ = now;
    tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    // The "C" locale's names, which is what nobody here changes.
    date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return date_;
}

uint8_t* Worker::scratch() {
  if (scratch_ == nullptr) scratch_ = std::make_unique_for_overwrite<uint8_t[]>(kScratchSize);
  return scratch_.get();
}

ServerContext::ServerContext(IoThreads& io, HttpServerOptions server_options,
                             HttpHandler request_handler)
    : options(std::move(server_options)),
      handler(std::move(request_handler)),
      metrics(RegistryOf(options, own_registry)),
      pool(BufferPool::Make(options.limits.receive_pool_bytes_max)),
      answers(options.limits.queued_answer_bytes_max),
      limiter(options.limits.connections_max, options.limits.connections_per_peer_max),
      tick(TickFor(options.limits)) {
  for (size_t i = 0; i < io.size(); ++i) {
    workers.push_back(std::make_unique<Worker>(io.at(i), *this));
  }
}

double ServerContext::BodyRateMin(size_t memory) const {
  const auto rate = static_cast<double>(options.limits.body_bytes_per_second_min);
  if (!pool->UnderPressure()) return rate;
  return std::max(rate, static_cast<double>(memory) / kSecondsUnderPressure);
}

ServerContext::SendPace ServerContext::SendPaceFor(size_t unsent) const {
  const HttpServerLimits& limits = options.limits;
  const auto rate = static_cast<double>(limits.body_bytes_per_second_min);
  if (!answers.UnderPressure()) return {limits.idle_time_max, rate};
  return {std::min(limits.idle_time_max, limits.body_grace),
          std::max(rate, static_cast<double>(unsent) / kSecondsUnderPressure)};
}

size_t ServerContext::FitAnswer(HttpResponse& response) {
  size_t size = 0;
  for (const Slice& slice : response.body) size += slice.size();
  if (answers.HasRoomFor(size)) return size;
  metrics.CountRefused("answers");
  std::string body = ErrorBody(503, "Too many answers wait for their clients.");
  size = body.size();
  response = {503,
              {{"Content-Type", std::string(kErrorContentType)}},
              {Slice::FromString(std::move(body))}};
  return size;
}

size_t ServerContext::BodyBytesMax(const HttpRequest& head) const {
  return options.body_bytes_max ? options.body_bytes_max(head) : kDefaultBodyBytesMax;
}

void ServerContext::CountConnectionClosed() {
  std::lock_guard lock(mu);
  --connections_open;
  changed.notify_all();
}

}  // namespace millrace::net
