#include "common/http_server/connection.h"

#include <algorithm>

#include "common/base/bytes.h"

namespace millrace::net {
namespace {

constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr size_t kFirstReadSize = 16 * kKiB;
constexpr Duration kLingerMax = std::chrono::seconds(2);
constexpr size_t kLingerBytesMax = 64 * kMiB;
constexpr size_t kPiecesPerSend = 64;

}  // namespace

Connection::Connection(std::shared_ptr<ServerContext> context, Worker& worker,
                       AcceptedSocket socket, std::unique_ptr<Transport> transport)
    : context_(std::move(context)),
      worker_(worker),
      socket_(std::move(socket)),
      transport_(std::move(transport)),
      watch_(std::make_unique<SocketWatch>(worker.executor(), socket_.fd)),
      charge_(context_->answers),
      phase_since_(CoarseNow()) {
  context_->metrics.connections_accepted.Add();
  context_->metrics.connections_open.Add(1);
}

Connection::~Connection() { CHECK(closed_); }

void Connection::Start() { ContinueHandshake(); }

void Connection::OnReadable() {
  reading_ = false;
  if (closed_) return;
  switch (phase_) {
    case Phase::kHandshake:
      return ContinueHandshake();
    case Phase::kPreface:
      return ReadPreface();
    case Phase::kSession:
      return session_->OnReadable();
    case Phase::kLinger:
      return ThrowInputAway();
  }
}

void Connection::OnWritable() {
  writing_ = false;
  if (closed_) return;
  if (Flush() != FlushResult::kDrained) return;
  if (phase_ == Phase::kSession) {
    session_->OnDrained();
  } else if (phase_ == Phase::kLinger) {
    transport_->ShutDownOutput();
  }
}

void Connection::ContinueHandshake() {
  ssize_t result = transport_->Handshake();
  if (result == Transport::kFailed) {
    context_->metrics.CountRefused("handshake");
    Flush();  // the alert, if it fits
    return Close();
  }
  if (Flush() == FlushResult::kFailed) return;
  if (result == Transport::kWouldBlock) return WaitReadable();
  phase_since_ = CoarseNow();
  phase_ = Phase::kPreface;
  if (transport_->application_protocol() == "h2") return StartSession(true);
  if (transport_->HasBufferedInput()) return ReadPreface();
  WaitReadable();
}

// The first bytes tell HTTP/2 from HTTP/1.1: some clients use it in TLS without ALPN.
void Connection::ReadPreface() {
  if (!preface_.Reserve(*context_->pool, kFirstReadSize)) {
    context_->metrics.CountRefused("memory");
    return Close();
  }
  ssize_t got = Read(preface_.tail(), preface_.room());
  if (got == Transport::kWouldBlock) {
    preface_.ReleaseIfEmpty();
    return WaitReadable();
  }
  if (got <= 0) return Close();
  if (preface_.empty()) phase_since_ = CoarseNow();
  preface_.Received(static_cast<size_t>(got));
  const size_t known = std::min(preface_.size(), kHttp2Preface.size());
  if (preface_.view().substr(0, known) != kHttp2Preface.substr(0, known)) {
    return StartSession(false);
  }
  if (known == kHttp2Preface.size()) return StartSession(true);
  WaitReadable();
}

void Connection::StartSession(bool http2) {
  phase_ = Phase::kSession;
  session_ = http2 ? MakeHttp2Session(*this) : MakeHttp1Session(*this);
  session_->Start(std::exchange(preface_, {}));
  if (!closed_ && worker_.draining()) session_->Drain();
}

ssize_t Connection::Read(void* data, size_t size) {
  ssize_t got = transport_->Read(data, size);
  if (got > 0) context_->metrics.received_bytes.Add(static_cast<double>(got));
  return got;
}

void Connection::WaitReadable() {
  if (reading_ || closed_) return;
  reading_ = true;
  watch_->WaitReadable(shared_from_this());
}

void Connection::ContinueSoon() {
  worker_.executor().Post([self = shared_from_this()] {
    if (!self->closed_ && self->phase_ == Phase::kSession) self->session_->OnReadable();
  });
}

void Connection::WaitWritable() {
  if (writing_ || closed_) return;
  writing_ = true;
  if (!blocked_) send_clock_.Start(CoarseNow(), sent_bytes_);
  blocked_ = true;
  watch_->WaitWritable(shared_from_this());
}

Connection::FlushResult Connection::Flush() {
  if (closed_ || closing_) return FlushResult::kFailed;
  if (writing_) {
    charge_.Set(unsent_bytes());
    return FlushResult::kBlocked;
  }
  while (!out_.empty() || transport_->pending_output() > 0) {
    iovec pieces[kPiecesPerSend];
    const size_t count = out_.Gather(pieces, kPiecesPerSend);
    size_t offered = 0;
    for (size_t i = 0; i < count; ++i) offered += pieces[i].iov_len;
    const size_t pending_before = transport_->pending_output();
    const ssize_t taken = transport_->Write(pieces, count);
    if (taken == Transport::kFailed) {
      CloseSoon();
      return FlushResult::kFailed;
    }
    const auto sent = static_cast<size_t>(taken);
    if (sent > 0) {
      out_.Consume(sent);
      context_->metrics.sent_bytes.Add(static_cast<double>(sent));
    }
    // TLS takes more than the socket does: what counts is what left.
    sent_bytes_ +=
        sent + pending_before - std::min(pending_before + sent, transport_->pending_output());
    if (sent < offered || transport_->pending_output() > 0) {
      WaitWritable();
      charge_.Set(unsent_bytes());
      return FlushResult::kBlocked;
    }
  }
  blocked_ = false;
  charge_.Set(0);
  return FlushResult::kDrained;
}

void Connection::Close() {
  if (closed_) return;
  std::shared_ptr<Connection> self = shared_from_this();  // the worker lets go
  if (!closing_ && phase_ != Phase::kLinger) transport_->ShutDownOutput();
  closed_ = true;
  watch_ = nullptr;
  out_ = OutQueue();
  charge_.Set(0);
  preface_ = InputBuffer();
  worker_.Remove(*this);
  context_->limiter.Remove(socket_.peer_address);
  context_->metrics.connections_open.Add(-1);
  if (session_ != nullptr) session_->OnClosed();
  context_->CountConnectionClosed();
}

void Connection::CloseSoon() {
  if (closed_ || closing_) return;
  closing_ = true;
  worker_.executor().Post([self = shared_from_this()] { self->Close(); });
}

void Connection::Linger() {
  if (closed_ || closing_ || phase_ == Phase::kLinger) return;
  phase_ = Phase::kLinger;
  phase_since_ = CoarseNow();
  if (Flush() == FlushResult::kDrained) transport_->ShutDownOutput();
  WaitReadable();
}

void Connection::ThrowInputAway() {
  while (true) {
    ssize_t got = Read(worker_.scratch(), Worker::kScratchSize);
    if (got == Transport::kWouldBlock) break;
    if (got <= 0) return Close();
    lingered_bytes_ += static_cast<size_t>(got);
    if (lingered_bytes_ > kLingerBytesMax) return Close();
    if (!transport_->MayHaveMore(static_cast<size_t>(got), Worker::kScratchSize)) break;
  }
  WaitReadable();
}

void Connection::OnTick(MonoTime now) {
  const HttpServerLimits& limits = context_->options.limits;
  // A client that doesn't read holds its answer in memory.
  if (blocked_) {
    const ServerContext::SendPace pace = context_->SendPaceFor(unsent_bytes());
    if (send_clock_.IsTooSlow(now, sent_bytes_, pace.window, pace.bytes_per_second_min)) {
      context_->metrics.CountRefused("time");
      return Close();
    }
  }
  switch (phase_) {
    case Phase::kHandshake:
      if (now - phase_since_ <= limits.handshake_time_max) return;
      context_->metrics.CountRefused("handshake");
      return Close();
    case Phase::kPreface:
      if (now - phase_since_ > (preface_.empty() ? limits.idle_time_max : limits.header_time_max)) {
        Close();
      }
      return;
    case Phase::kSession:
      return session_->OnTick(now);
    case Phase::kLinger:
      if (now - phase_since_ > kLingerMax) Close();
      return;
  }
}

void Connection::Drain() {
  if (phase_ == Phase::kSession) {
    session_->Drain();
  } else if (phase_ == Phase::kPreface && preface_.empty()) {
    Close();
  }
}

}  // namespace millrace::net
