#include "common/http_server/http1_session.h"

#include <algorithm>
#include <cstring>

#include "common/base/bytes.h"
#include "common/http_server/http1_writer.h"
#include "common/net/http_status.h"

namespace millrace::net {
namespace {

constexpr size_t kReadSizeMin = 16 * kKiB;
constexpr size_t kReadSizeMax = kMiB;
constexpr size_t kChunkedReadSize = 64 * kKiB;
constexpr size_t kReadAheadMax = 16 * kKiB;
// In one turn, so that a client that always has more leaves the executor to others.
constexpr size_t kRequestsPerTurn = 64;
constexpr size_t kReadsPerTurn = 16;

HeadLimits HeadLimitsOf(const HttpServerLimits& limits) {
  return {limits.header_bytes_max, limits.header_fields_max, limits.request_line_bytes_max};
}

}  // namespace

Http1Session::Http1Session(Connection& connection)
    : connection_(connection),
      scanner_(HeadLimitsOf(connection.context().options.limits)),
      read_size_(kReadSizeMin) {}

Http1Session::~Http1Session() = default;

void Http1Session::Start(InputBuffer received) {
  input_ = std::move(received);
  since_ = CoarseNow();
  Pump(false);
}

void Http1Session::OnReadable() {
  if (reading()) {
    Pump(true);
  } else if (state_ == State::kAnswering) {
    ReadAhead();
  }
}

// Reads and understands until the input is used up or a request is being answered.
void Http1Session::Pump(bool readable) {
  if (pumping_) return;
  pumping_ = true;
  ReadResult result = readable ? ReadResult::kMore : ReadResult::kSome;
  turn_requests_ = 0;
  bool interrupted = false;
  for (size_t reads = 0;; ++reads) {
    ParseBuffered();
    if (connection_.closed() || !reading()) break;
    interrupted = turn_requests_ == kRequestsPerTurn || reads == kReadsPerTurn;
    if (interrupted) break;
    // What the client sent before it ended its side is answered; half a request is not.
    if (input_ended_) {
      pumping_ = false;
      return EndInput();
    }
    if (result != ReadResult::kMore && !connection_.transport().HasBufferedInput()) break;
    result = ReadSome();
    if (result == ReadResult::kNone) break;
  }
  pumping_ = false;
  input_.ReleaseIfEmpty();
  if (interrupted) return connection_.ContinueSoon();
  // While a request is being answered too: to learn that its client went away.
  if (reading() || state_ == State::kAnswering) connection_.WaitReadable();
}

Http1Session::ReadResult Http1Session::ReadSome() {
  if (state_ == State::kBody) {
    const size_t asked = body_size_ - body_received_;
    const ssize_t got = connection_.Read(body_ + body_received_, asked);
    if (got > 0) body_received_ += static_cast<size_t>(got);
    return ResultOf(got, asked);
  }
  input_.ReleaseIfEmpty();
  const size_t read_size = state_ == State::kChunkedBody ? kChunkedReadSize : read_size_;
  if (input_.room() == 0 &&
      !input_.Reserve(*connection_.context().pool, input_.size() + read_size)) {
    Refuse({503, "Too many requests are being received."});
    return ReadResult::kNone;
  }
  if (state_ == State::kHead && input_.empty()) since_ = CoarseNow();
  const size_t asked = input_.room();
  const ssize_t got = connection_.Read(input_.tail(), asked);
  if (got > 0) input_.Received(static_cast<size_t>(got));
  return ResultOf(got, asked);
}

Http1Session::ReadResult Http1Session::ResultOf(ssize_t got, size_t asked) {
  if (got > 0) {
    return connection_.transport().MayHaveMore(static_cast<size_t>(got), asked) ? ReadResult::kMore
                                                                                : ReadResult::kSome;
  }
  if (got != Transport::kWouldBlock) connection_.Close();
  return ReadResult::kNone;
}

// A request is in flight: keeps what else arrives, up to a limit, and notices the end.
void Http1Session::ReadAhead() {
  if (input_ended_ || input_.size() >= kReadAheadMax) return;
  if (input_.room() == 0 &&
      !input_.Reserve(*connection_.context().pool, input_.size() + kReadAheadMax)) {
    return;  // goes on when the answer is out
  }
  const ssize_t got = connection_.Read(input_.tail(), std::min(input_.room(), kReadAheadMax));
  if (got > 0) {
    input_.Received(static_cast<size_t>(got));
  } else if (got == 0) {
    // A half-closed client may wait for its answer, but nobody waits for the rest of a stream.
    input_ended_ = true;
    if (writer_ != nullptr && writer_->streaming()) return connection_.Close();
  } else if (got == Transport::kFailed) {
    return connection_.Close();
  }
  input_.ReleaseIfEmpty();
  if (!input_ended_) connection_.WaitReadable();
}

void Http1Session::ParseBuffered() {
  bool more = true;
  while (more && !connection_.closed() && turn_requests_ < kRequestsPerTurn) {
    switch (state_) {
      case State::kHead:
        more = ParseHeadBuffered();
        break;
      case State::kChunkedBody:
        more = DecodeChunks();
        break;
      case State::kBody:
        more = body_received_ == body_size_;
        if (more) DispatchWithBody();
        break;
      default:
        return;
    }
  }
}

bool Http1Session::ParseHeadBuffered() {
  // RFC 9112 2.2: some clients end a body with an extra empty line.
  if (!empty_line_skipped_ && input_.view().starts_with("\r\n")) {
    empty_line_skipped_ = true;
    scanner_.Reset();
    input_.Consume(2);
  }
  if (input_.empty()) return false;
  const size_t head_size = scanner_.Scan(input_.view());
  if (scanner_.refusal().status != 0) {
    Refuse(scanner_.refusal());
  } else if (head_size > 0) {
    BeginRequest(head_size);
    return true;
  }
  return false;
}

void Http1Session::BeginRequest(size_t head_size) {
  Http1Head head;
  Refusal refusal = ParseHead(input_.view().substr(0, head_size), head);
  head_only_ = head.request.method == "HEAD";
  http10_ = head.minor_version == 0;
  keep_alive_ = !head.close && !draining_;
  if (refusal.status != 0) return Refuse(refusal);
  request_ = std::move(head.request);
  request_.tls = connection_.encrypted();
  request_.peer = connection_.peer();
  request_.storage = input_.slab();
  input_.Consume(head_size);
  scanner_.Reset();
  empty_line_skipped_ = false;
  body_received_ = 0;
  body_bytes_max_ = connection_.context().BodyBytesMax(request_);
  if (head.content_length.value_or(0) > body_bytes_max_) {
    return Refuse({413, "The request body is too large."});
  }
  if (head.chunked) {
    read_size_ = kReadSizeMin;
    chunks_ = ChunkedDecoder();
    state_ = State::kChunkedBody;
    body_clock_.Start(CoarseNow(), body_received_);
  } else {
    BeginBody(static_cast<size_t>(head.content_length.value_or(0)));
    read_size_ = std::clamp(head_size + body_size_, kReadSizeMin, kReadSizeMax);
  }
  if (head.expect_continue && reading() && state_ != State::kHead && input_.empty() &&
      body_received_ == 0) {
    connection_.out().Copy("HTTP/1.1 100 Continue\r\n\r\n");
    connection_.Flush();
  }
}

void Http1Session::BeginBody(size_t size) {
  body_size_ = size;
  if (size <= input_.size()) {
    if (size > 0) request_.body = Slice(input_.slab(), input_.data(), size);
    input_.Consume(size);
    return Dispatch();
  }
  // All that is buffered belongs to this body, and the rest is received behind it.
  if (!input_.Reserve(*connection_.context().pool, size)) {
    return Refuse({503, "Too many requests are being received."});
  }
  body_slab_ = input_.slab();
  body_ = input_.data();
  body_received_ = input_.size();
  input_ = InputBuffer();
  state_ = State::kBody;
  body_clock_.Start(CoarseNow(), body_received_);
}

bool Http1Session::DecodeChunks() {
  while (!input_.empty()) {
    ChunkedDecoder::Piece piece = chunks_.Next(input_.view());
    if (chunks_.refused()) {
      Refuse(chunks_.refusal());
      return false;
    }
    if (!AppendToBody(piece.data)) return false;
    input_.Consume(piece.consumed);
    if (chunks_.finished()) {
      DispatchWithBody();
      return true;
    }
    if (piece.consumed == 0) return false;
  }
  return false;
}

// Grows the body by doubling, so that each byte is copied twice at most on average.
bool Http1Session::AppendToBody(std::string_view data) {
  if (data.empty()) return true;
  if (data.size() > body_bytes_max_ - body_received_) {
    Refuse({413, "The request body is too large."});
    return false;
  }
  const size_t capacity = body_slab_ == nullptr ? 0 : body_slab_->capacity();
  const size_t size = body_received_ + data.size();
  if (size > capacity) {
    SlabRef larger = connection_.context().pool->Take(std::max(size, 2 * capacity));
    if (larger == nullptr) {
      Refuse({503, "Too many requests are being received."});
      return false;
    }
    if (body_received_ > 0) std::memcpy(larger->data(), body_, body_received_);
    body_slab_ = std::move(larger);
    body_ = body_slab_->data();
  }
  std::memcpy(body_ + body_received_, data.data(), data.size());
  body_received_ = size;
  return true;
}

void Http1Session::DispatchWithBody() {
  request_.body = Slice(std::move(body_slab_), body_, body_received_);
  Dispatch();
}

void Http1Session::Dispatch() {
  state_ = State::kAnswering;
  ++turn_requests_;
  std::shared_ptr<Http1Writer> writer = Http1Writer::Make(*this);
  writer_ = writer.get();
  body_slab_ = nullptr;
  connection_.context().handler(std::exchange(request_, {}), std::move(writer));
}

void Http1Session::FinishResponse() {
  writer_ = nullptr;
  state_ = State::kSending;
  if (connection_.Flush() == Connection::FlushResult::kDrained) NextRequest();
}

void Http1Session::NextRequest() {
  if (!keep_alive_ || (input_ended_ && input_.empty())) return EndInput();
  state_ = State::kHead;
  head_only_ = false;
  since_ = CoarseNow();
  Pump(false);
}

void Http1Session::EndInput() {
  state_ = State::kClosing;
  input_ = InputBuffer();
  connection_.Linger();
}

void Http1Session::OnDrained() {
  if (state_ == State::kSending) {
    NextRequest();
  } else if (writer_ != nullptr) {
    writer_->ConnectionDrained();
  }
}

void Http1Session::Drain() {
  draining_ = true;
  keep_alive_ = false;
  if (state_ == State::kHead && input_.empty()) connection_.Close();
}

void Http1Session::OnClosed() {
  state_ = State::kClosing;
  input_ = InputBuffer();
  body_slab_ = nullptr;
  request_ = HttpRequest();
  if (writer_ != nullptr) std::exchange(writer_, nullptr)->ConnectionClosed();
}

std::unique_ptr<Session> MakeHttp1Session(Connection& connection) {
  return std::make_unique<Http1Session>(connection);
}

}  // namespace millrace::net
