#include "dataplane/peer/client_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace millrace::peer {
namespace {

constexpr size_t kPiecesPerWrite = 64;
constexpr size_t kReadBytes = 16 * kKiB;

std::string HeadOf(const ClientRequest& request, const PeerAddress& address) {
  size_t bytes = 0;
  for (const Slice& piece : request.body) bytes += piece.size();
  std::string head = "POST " + request.target + " HTTP/1.1\r\nHost: " + address.host + ":" +
                     std::to_string(address.port) + "\r\nContent-Length: " + std::to_string(bytes) +
                     "\r\n";
  for (const auto& [name, value] : request.headers) head += name + ": " + value + "\r\n";
  return head + "\r\n";
}

// The value of a header in a head, "" where there is none. Our servers' names, our servers' cases.
std::string_view HeaderIn(std::string_view head, std::string_view name) {
  size_t at = head.find("\r\n");
  while (at != std::string_view::npos) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        ::strncasecmp(line.data(), name.data(), name.size()) == 0) {
      return line.substr(std::min(line.size(), line.find_first_not_of(' ', name.size() + 1)));
    }
    at = head.find("\r\n", at + 2);
  }
  return {};
}

template <typename T>
bool ParseNumber(std::string_view text, T& value) {
  return !text.empty() &&
         std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

}  // namespace

void ClientConnection::Send(ClientRequest request, Done done) {
  CHECK(state_ == State::kNew || state_ == State::kIdle);
  done_ = std::move(done);
  sent_ = head_taken_ = false;
  head_.clear();
  body_ = nullptr;
  body_received_ = 0;
  out_.Copy(HeadOf(request, address_));
  for (Slice& piece : request.body) out_.Append(std::move(piece));
  until_ = SystemClock().Now() + request.time_max;
  if (state_ == State::kIdle) {
    state_ = State::kBusy;
    SetTimer(request.time_max);
    return Flush();
  }
  state_ = State::kConnecting;
  SetTimer(std::min(request.time_max, request.connect_time_max));
  resolver_.Resolve(address_.host, address_.port, executor_,
                    [self = shared_from_this()](const Result<SocketAddress>& address) {
                      self->Connect(address);
                    });
}

void ClientConnection::SetTimer(Duration time_max) {
  if (timer_ != 0) executor_.Cancel(timer_);
  timer_ = executor_.RunAfter(time_max, [self = shared_from_this()] {
    self->timer_ = 0;
    self->Fail(Status(Code::kTimeout, self->address_.host + " does not answer in time"));
  });
}

void ClientConnection::Connect(const Result<SocketAddress>& address) {
  if (!address.ok()) return Fail(address.status());
  if (state_ == State::kClosed) return;
  connected_to_ = *address;
  ConnectTo(*address);
}

void ClientConnection::ConnectTo(const SocketAddress& address) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(ErrnoStatus(errno, "socket"));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch_ = std::make_unique<net::SocketWatch>(executor_, fd);
  transport_ = in_clear_ ? net::MakePlainTransport(fd)
                         : net::MakeTlsClientTransport(fd, tls_->native().get(), address_.host);
  if (transport_ == nullptr) return Fail(Internal("no TLS for a connection"));
  const int result =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size);
  if (result != 0 && errno != EINPROGRESS) {
    return Fail(Unavailable("connect to " + address_.host + ": " + std::strerror(errno)));
  }
  AwaitWritable();
}

void ClientConnection::AwaitWritable() {
  if (waiting_writable_) return;
  waiting_writable_ = true;
  watch_->WaitWritable(shared_from_this());
}

void ClientConnection::OnWritable() {
  waiting_writable_ = false;
  if (state_ == State::kConnecting) state_ = State::kHandshaking;
  if (state_ == State::kHandshaking) return Handshake();
  if (state_ == State::kBusy) Flush();
}

// In clear text there is none, and a connection that was refused shows in the first write.
void ClientConnection::Handshake() {
  const ssize_t result = transport_->Handshake();
  const bool sent = transport_->Write(nullptr, 0) >= 0;
  if (!sent || (result != 1 && result != net::Transport::kWouldBlock)) return HandshakeFailed();
  if (result == 1) {
    state_ = State::kBusy;
    SetTimer(until_ - SystemClock().Now());
    return Flush();
  }
  if (transport_->pending_output() > 0) AwaitWritable();
  AwaitReadable();
}

// A server from before there was TLS between pods answers in clear text; a wrong certificate is no
// reason to do without.
void ClientConnection::HandshakeFailed() {
  if (in_clear_) return Fail(Unavailable("connect to " + address_.host + ": refused"));
  if (!transport_->met_clear_text() || !tls_->allows_clear_text()) {
    tls_failed_ = true;
    return Fail(Unavailable(
        "no TLS with " + address_.host + ": " +
        (transport_->met_clear_text() ? "it answers in clear text" : transport_->problem())));
  }
  in_clear_ = true;
  fell_back_at_ = SystemClock().Now();
  waiting_readable_ = waiting_writable_ = false;
  state_ = State::kConnecting;
  ConnectTo(connected_to_);
}

void ClientConnection::Flush() {
  while (!out_.empty() || transport_->pending_output() > 0) {
    iovec pieces[kPiecesPerWrite];
    const size_t count = out_.Gather(pieces, kPiecesPerWrite);
    const ssize_t taken = transport_->Write(pieces, count);
    if (taken < 0) return Fail(Unavailable("the connection to " + address_.host + " is broken"));
    sent_ = sent_ || taken > 0;
    if (taken > 0) out_.Consume(static_cast<size_t>(taken));
    if (taken > 0 && transport_->pending_output() == 0) continue;
    AwaitWritable();
    break;
  }
  AwaitReadable();
}

void ClientConnection::AwaitReadable() {
  if (waiting_readable_) return;
  waiting_readable_ = true;
  watch_->WaitReadable(shared_from_this());
}

void ClientConnection::OnReadable() {
  waiting_readable_ = false;
  if (state_ == State::kClosed) return;
  if (state_ == State::kHandshaking) return Handshake();
  while (ReadSome()) {
  }
  if (state_ != State::kClosed) AwaitReadable();
}

// True when there may be more to read.
bool ClientConnection::ReadSome() {
  uint8_t scratch[kReadBytes];
  const bool in_body = head_taken_ && state_ == State::kBusy;
  uint8_t* const into = in_body ? body_.get() + body_received_ : scratch;
  const size_t room = in_body ? body_size_ - body_received_ : sizeof scratch;
  const ssize_t got = transport_->Read(into, room);
  if (got == net::Transport::kWouldBlock) return false;
  if (got <= 0 || state_ != State::kBusy) {
    // Under TLS 1.3 a certificate of ours that is not believed shows here.
    const std::string problem = got < 0 ? transport_->problem() : "";
    tls_failed_ = !problem.empty();
    Fail(Unavailable("the connection to " + address_.host + " was closed" +
                     (problem.empty() ? "" : ": " + problem)));
    return false;
  }
  if (in_body) {
    body_received_ += static_cast<size_t>(got);
  } else {
    head_.append(reinterpret_cast<const char*>(scratch), static_cast<size_t>(got));
    if (!TakeHead()) return state_ == State::kBusy;
  }
  if (body_received_ == body_size_) {
    Finish();
    return false;
  }
  return true;
}

// Once the head is whole: what it says, and the begin of the body. False while it is not.
bool ClientConnection::TakeHead() {
  const size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head_.size() > kHeadBytesMax) Fail(Unavailable(address_.host + " sends no HTTP"));
    return false;
  }
  const std::string_view head(head_.data(), end + 2);
  const std::string_view rest(head_.data() + end + 4, head_.size() - end - 4);
  const bool http = head.starts_with("HTTP/1.1 ") && ParseNumber(head.substr(9, 3), http_status_);
  if (!http || !ParseNumber(HeaderIn(head, "content-length"), body_size_) ||
      body_size_ > kBodyBytesMax || rest.size() > body_size_) {
    Fail(Unavailable(address_.host + " answers what none of our servers would"));
    return false;
  }
  keep_ = HeaderIn(head, "connection") != "close";
  body_ = std::shared_ptr<uint8_t[]>(new uint8_t[body_size_]);
  if (!rest.empty()) std::memcpy(body_.get(), rest.data(), rest.size());
  body_received_ = rest.size();
  head_taken_ = true;
  return true;
}

void ClientConnection::Finish() {
  executor_.Cancel(timer_);
  timer_ = 0;
  state_ = State::kIdle;
  ClientAnswer answer;
  answer.http_status = http_status_;
  answer.sent = true;
  const std::shared_ptr<const void> owner = body_;
  answer.body = Slice(owner, body_.get(), body_size_);
  Done done = std::move(done_);
  done_ = nullptr;
  // An answer that came before the request had left leaves the two ends apart.
  if (!keep_ || !out_.empty()) Close();
  done(std::move(answer));
}

void ClientConnection::Fail(Status status) {
  if (state_ == State::kClosed) return status.IgnoreError();
  Done done = std::move(done_);
  done_ = nullptr;
  const bool sent = sent_;
  Close();
  if (!done) return status.IgnoreError();
  ClientAnswer answer;
  answer.status = std::move(status);
  answer.sent = sent;
  done(std::move(answer));
}

void ClientConnection::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  if (timer_ != 0) executor_.Cancel(timer_);
  timer_ = 0;
  done_ = nullptr;
  watch_ = nullptr;  // closes the socket
  transport_ = nullptr;
  out_ = {};
}

}  // namespace millrace::peer
