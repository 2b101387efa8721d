#include "common/http_server/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "common/base/bytes.h"
#include "common/http_server/http2_callbacks.h"

namespace millrace::net {
namespace {

// Pulled from nghttp2 at a time, so that streams take turns and memory is bounded.
constexpr size_t kOutputMax = 512 * kKiB;
// Reads in one turn, so that a busy connection leaves the executor to others.
constexpr int kReadsPerTurn = 4;

}  // namespace

bool FrameBudget::Spend(MonoTime now) {
  if (refilled_ == MonoTime{}) refilled_ = now;
  const double seconds = std::chrono::duration<double>(now - refilled_).count();
  refilled_ = now;
  credit_ = std::min(kBurst, credit_ + seconds * kPerSecond) - 1;
  return credit_ >= 0;
}

Http2Session::Http2Session(Connection& connection)
    : connection_(connection),
      session_(MakeNghttp2Session(*this, connection.context().options.limits)),
      active_last_(CoarseNow()) {}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

void Http2Session::Start(InputBuffer received) {
  if (!received.empty() && !Receive(received.data(), received.size())) failed_ = true;
  FinishTurn(connection_.transport().HasBufferedInput());
}

bool Http2Session::Receive(const uint8_t* data, size_t size) {
  in_turn_ = true;
  const ssize_t used = nghttp2_session_mem_recv(session_, data, size);
  return used >= 0;
}

void Http2Session::OnReadable() {
  if (failed_) return;
  uint8_t* scratch = connection_.worker().scratch();
  bool more = true;
  for (int i = 0; i < kReadsPerTurn && more; ++i) {
    const ssize_t got = connection_.Read(scratch, Worker::kScratchSize);
    if (got == Transport::kWouldBlock) {
      more = false;
      break;
    }
    if (got <= 0) return connection_.Close();
    if (!Receive(scratch, static_cast<size_t>(got))) {
      failed_ = true;
      break;
    }
    Transport& transport = connection_.transport();
    more = transport.MayHaveMore(static_cast<size_t>(got), Worker::kScratchSize);
  }
  FinishTurn(more);
}

// After input: gives complete requests to the handler, then sends all that came of it.
void Http2Session::FinishTurn(bool more) {
  Dispatch();
  in_turn_ = false;
  Flush();
  if (failed_ || connection_.closed()) return;
  if (!more) return connection_.WaitReadable();
  connection_.ContinueSoon();  // TLS may hold the rest already
}

void Http2Session::Dispatch() {
  for (const int32_t id : std::exchange(complete_, {})) {
    Http2Stream* stream = Find(id);
    if (stream == nullptr) continue;  // reset already
    if (stream->body != nullptr) {
      stream->request.body = Slice(stream->body, stream->body->data(), stream->body_received);
      stream->body = nullptr;
    }
    auto writer = Http2Writer::Make(connection_.shared_from_this(), *this, *stream);
    stream->writer = writer.get();
    writers_.insert(writer.get());
    connection_.context().handler(std::move(stream->request), std::move(writer));
  }
}

// At the end of the executor's queue: answers that are ready by then leave together.
void Http2Session::ScheduleFlush() {
  if (in_turn_ || flushing_ || flush_scheduled_) return;
  flush_scheduled_ = true;
  connection_.worker().executor().Post([this, connection = connection_.shared_from_this()] {
    flush_scheduled_ = false;
    if (!connection->closed()) Flush();
  });
}

void Http2Session::Flush() {
  if (flushing_ || ended_) return;
  flushing_ = true;
  OutQueue& out = connection_.out();
  bool drained = true;
  while (drained) {
    while (out.bytes() < kOutputMax) {
      const uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &data);
      if (size < 0) failed_ = true;
      if (size <= 0) break;
      out.Copy({reinterpret_cast<const char*>(data), static_cast<size_t>(size)});
    }
    if (out.empty()) break;
    drained = connection_.Flush() == Connection::FlushResult::kDrained;
    if (drained) NoteSent();
  }
  flushing_ = false;
  NotifyWriters();
  if (drained) EndIfDone();
}

void Http2Session::OnDrained() {
  NoteSent();
  Flush();
}

// The socket took everything: whoever waited for that may go on.
void Http2Session::NoteSent() {
  for (const int32_t id : std::exchange(sending_, {})) {
    Http2Stream* stream = Find(id);
    if (stream == nullptr) continue;
    stream->sending_bytes = 0;
    if (stream->queued_bytes == 0 && stream->writer != nullptr) {
      if (auto writer = stream->writer->weak_from_this().lock()) drained_.push_back(writer);
    }
  }
}

// Not from inside nghttp2, which its callbacks must not enter again.
void Http2Session::NotifyWriters() {
  for (auto& writer : std::exchange(lost_, {})) writer->NotifyClosed();
  for (auto& writer : std::exchange(drained_, {})) writer->NotifyDrained();
}

void Http2Session::EndIfDone() {
  const bool over =
      nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
  if (!failed_ && !over && !(draining_ && streams_.empty())) return;
  ended_ = true;
  connection_.Linger();
}

void Http2Session::Drain() {
  if (draining_) return;
  draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  if (!in_turn_) Flush();
}

void Http2Session::Terminate(uint32_t error_code, const std::string& reason) {
  connection_.context().metrics.CountRefused(reason);
  nghttp2_session_terminate_session(session_, error_code);
  ScheduleFlush();
}

void Http2Session::SpendOnFrame() {
  if (flooded_ || budget_.Spend(CoarseNow())) return;
  flooded_ = true;
  Terminate(NGHTTP2_ENHANCE_YOUR_CALM, "flood");
}

void Http2Session::FrameBegins(uint8_t type) {
  if (type == NGHTTP2_HEADERS) {
    header_block_since_ = CoarseNow();
  } else if (type != NGHTTP2_CONTINUATION) {
    header_block_since_.reset();
  }
}

void Http2Session::OnTick(MonoTime now) {
  const HttpServerLimits& limits = connection_.context().options.limits;
  if (header_block_since_.has_value() && now - *header_block_since_ > limits.header_time_max) {
    header_block_since_.reset();
    Terminate(NGHTTP2_ENHANCE_YOUR_CALM, "time");
  }
  if (connection_.context().turning_away && !std::exchange(turned_away_, true)) {
    nghttp2_submit_shutdown_notice(session_);
    Flush();
  }
  if (streams_.empty()) {
    if (now - active_last_ > limits.idle_time_max) Drain();
    return;
  }
  in_turn_ = true;
  for (auto& [id, stream] : streams_) CheckStream(*stream, now);
  in_turn_ = false;
  Flush();
}

void Http2Session::CheckStream(Http2Stream& stream, MonoTime now) {
  ServerContext& context = connection_.context();
  const HttpServerLimits& limits = context.options.limits;
  if (stream.receiving && stream.head_complete && stream.refusal.status == 0) {
    const size_t memory = stream.body == nullptr ? 0 : stream.body->capacity();
    if (stream.body_clock.IsTooSlow(now, stream.body_received, limits.body_grace,
                                    context.BodyRateMin(memory))) {
      stream.refusal = {408, "The request's body came too slowly."};
      Refuse(stream);
    }
  }
  // A client that leaves its window shut holds our answer in memory.
  if (stream.queued_bytes == 0 || !stream.answering) return;
  const ServerContext::SendPace pace = context.SendPaceFor(stream.queued_bytes);
  if (stream.send_clock.IsTooSlow(now, stream.sent_bytes, pace.window, pace.bytes_per_second_min)) {
    context.metrics.CountRefused("time");
    ResetStream(stream);
  }
}

void Http2Session::OnClosed() {
  ended_ = true;
  for (auto& [id, stream] : streams_) stream->writer = nullptr;
  for (Http2Writer* writer : std::exchange(writers_, {})) {
    if (auto alive = writer->weak_from_this().lock()) lost_.push_back(alive);
    writer->SessionClosed();
  }
  streams_.clear();
  drained_.clear();
  NotifyWriters();
}

std::unique_ptr<Session> MakeHttp2Session(Connection& connection) {
  return std::make_unique<Http2Session>(connection);
}

}  // namespace millrace::net
