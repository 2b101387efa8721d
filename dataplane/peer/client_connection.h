#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/async/io_threads.h"
#include "common/net/http_types.h"
#include "common/net/out_queue.h"
#include "common/net/socket_watch.h"
#include "common/net/tls.h"
#include "common/net/transport.h"
#include "dataplane/peer/resolver.h"

namespace millrace::peer {

struct PeerAddress {
  std::string host;
  uint16_t port = 0;
};

struct ClientRequest {
  std::string target;
  std::vector<net::OwnedHeader> headers;
  std::vector<Slice> body;
  Duration time_max = std::chrono::seconds(5);  // until the whole answer is here
  Duration connect_time_max = std::chrono::seconds(1);
};

struct ClientAnswer {
  Status status;      // ok: `http_status` and `body` are the answer
  bool sent = false;  // with a failure: some of the request left, so it may have been done
  int http_status = 0;
  Slice body;
};

// One kept-alive HTTP/1.1 connection to another of our servers: it knows no more of the protocol
// than those speak (Content-Length always, no interim answers). One request at a time. Lives on its
// executor; shared by its owner and what it waits for, closed by Close or by itself when anything
// is wrong. `done` of a request is called exactly once, unless Close came first.
class ClientConnection final : public net::ReadinessHandler,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  using Done = UniqueFunction<void(ClientAnswer)>;
  // In clear text where `tls` is null or `in_clear` says so; also where the other side knows no TLS
  // and `tls` allows for that.
  ClientConnection(IoExecutor& executor, Resolver& resolver, PeerAddress address,
                   std::shared_ptr<net::TlsContext> tls, bool in_clear = false)
      : executor_(executor),
        resolver_(resolver),
        address_(std::move(address)),
        tls_(std::move(tls)),
        in_clear_(in_clear || tls_ == nullptr) {}

  // Connects first where it has not yet.
  void Send(ClientRequest request, Done done);
  // Another request may be sent.
  bool usable() const { return state_ == State::kIdle; }
  bool in_clear() const { return in_clear_; }
  // When it found that the other side knows no TLS.
  MonoTime fell_back_at() const { return fell_back_at_; }
  // It ended since one side does not believe the other's certificate, or would not do without.
  bool tls_failed() const { return tls_failed_; }
  void Close();

  void OnReadable() override;
  void OnWritable() override;

 private:
  enum class State { kNew, kConnecting, kHandshaking, kIdle, kBusy, kClosed };
  static constexpr size_t kHeadBytesMax = 16 * kKiB;
  static constexpr size_t kBodyBytesMax = 64 * kMiB;

  void Connect(const Result<SocketAddress>& address);
  void ConnectTo(const SocketAddress& address);
  void HandshakeFailed();
  void Handshake();
  void Flush();
  void SetTimer(Duration time_max);
  void AwaitReadable();
  void AwaitWritable();
  bool ReadSome();
  bool TakeHead();
  void Finish();
  void Fail(Status status);

  IoExecutor& executor_;
  Resolver& resolver_;
  const PeerAddress address_;
  const std::shared_ptr<net::TlsContext> tls_;
  bool in_clear_;
  MonoTime fell_back_at_{};
  bool tls_failed_ = false;
  SocketAddress connected_to_;
  State state_ = State::kNew;
  std::unique_ptr<net::Transport> transport_;
  std::unique_ptr<net::SocketWatch> watch_;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  net::OutQueue out_;

  // The request in flight.
  Done done_;
  MonoTime until_{};
  Executor::TimerId timer_ = 0;
  bool sent_ = false;
  std::string head_;
  bool head_taken_ = false;
  bool keep_ = true;
  int http_status_ = 0;
  std::shared_ptr<uint8_t[]> body_;
  size_t body_size_ = 0;
  size_t body_received_ = 0;
};

}  // namespace millrace::peer
