#pragma once

#include <memory>
#include <string>

#include "common/http_server/server_context.h"
#include "common/http_server/session.h"
#include "common/net/out_queue.h"
#include "common/net/progress_clock.h"
#include "common/net/socket_watch.h"
#include "common/net/transport.h"

namespace millrace::net {

struct AcceptedSocket {
  int fd;
  std::string peer;          // "127.0.0.1:50312"
  std::string peer_address;  // what ConnectionLimiter counted
};

// One accepted socket: handshake, finding out the protocol, sending, deadlines, closing. Lives on
// its worker's executor. Kept alive by the worker until Close, and by writers after that; it then
// holds neither socket nor memory of the pool.
class Connection final : public ReadinessHandler, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerContext> context, Worker& worker, AcceptedSocket socket,
             std::unique_ptr<Transport> transport);
  ~Connection() override;
  void Start();

  // For the session.
  ServerContext& context() { return *context_; }
  Worker& worker() { return worker_; }
  const std::string& peer() const { return socket_.peer; }
  bool encrypted() const { return transport_->encrypted(); }
  Transport& transport() { return *transport_; }
  // Like Transport::Read, and counts.
  ssize_t Read(void* data, size_t size);
  // One OnReadable when there is something to read; asking twice is asking once.
  void WaitReadable();
  // One call of the session's OnReadable after others have had their turn, readable or not.
  void ContinueSoon();
  // What to send; Flush sends as much of it as the socket takes and the rest as it can.
  OutQueue& out() { return out_; }
  enum class FlushResult { kDrained, kBlocked, kFailed };
  FlushResult Flush();
  // Bytes that the socket has not taken.
  size_t unsent_bytes() const {
    return out_.bytes() + (closed_ ? 0 : transport_->pending_output());
  }
  // Closes at once.
  void Close();
  // Closes from a callback of its own, so that nobody's call ends in somebody's OnClosed.
  void CloseSoon();
  // Closes so that the peer gets to read what was sent: no more output, throws input away for a
  // while.
  void Linger();
  bool closed() const { return closed_; }

  // For the worker.
  void OnTick(MonoTime now);
  void Drain();
  size_t worker_index() const { return worker_index_; }
  void set_worker_index(size_t index) { worker_index_ = index; }

  void OnReadable() override;
  void OnWritable() override;

 private:
  enum class Phase { kHandshake, kPreface, kSession, kLinger };
  void ContinueHandshake();
  void ReadPreface();
  void StartSession(bool http2);
  void ThrowInputAway();
  void WaitWritable();

  const std::shared_ptr<ServerContext> context_;
  Worker& worker_;
  const AcceptedSocket socket_;
  const std::unique_ptr<Transport> transport_;
  std::unique_ptr<SocketWatch> watch_;
  std::unique_ptr<Session> session_;
  Phase phase_ = Phase::kHandshake;
  InputBuffer preface_;
  OutQueue out_;
  AnswerCharge charge_;  // for out_, while the socket does not take it
  MonoTime phase_since_;
  ProgressClock send_clock_;  // while blocked_
  uint64_t sent_bytes_ = 0;
  size_t lingered_bytes_ = 0;
  size_t worker_index_ = 0;
  bool reading_ = false;
  bool writing_ = false;  // waits until writable
  bool blocked_ = false;  // output is left over
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace millrace::net
