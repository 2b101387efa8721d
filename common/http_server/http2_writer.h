#pragma once

#include <functional>
#include <memory>

#include "common/http_server/connection.h"

namespace millrace::net {

class Http2Session;
struct Http2Stream;

// The answer to one HTTP/2 request. Keeps its connection's memory (not its socket) alive; destroyed
// on the executor, wherever the last reference is let go.
class Http2Writer final : public ResponseWriter, public std::enable_shared_from_this<Http2Writer> {
 public:
  static std::shared_ptr<Http2Writer> Make(std::shared_ptr<Connection> connection,
                                           Http2Session& session, Http2Stream& stream);
  ~Http2Writer() override;

  Executor& executor() override { return executor_; }
  void Send(HttpResponse response) override;
  void Begin(int status, std::vector<OwnedHeader> headers) override;
  void Write(Slice data) override;
  void End() override;
  size_t QueuedBytes() const override;
  void OnDrained(std::function<void()> on_drained) override { on_drained_ = std::move(on_drained); }
  void OnClosed(std::function<void()> on_closed) override { on_closed_ = std::move(on_closed); }
  bool closed() const override { return stream_ == nullptr && state_ != State::kEnded; }
  bool HasRoomFor(size_t bytes) const override;

  // For the session. The stream is gone; who waits is told by NotifyClosed.
  void StreamClosed() { stream_ = nullptr; }
  void SessionClosed();
  void NotifyDrained();
  void NotifyClosed();

 private:
  enum class State { kUnanswered, kStreaming, kEnded };
  Http2Writer(std::shared_ptr<Connection> connection, Http2Session& session, Http2Stream& stream);
  void Finish();

  Executor& executor_;
  std::shared_ptr<Connection> connection_;  // owns the session
  Http2Session* session_;  // null once the connection is closed or the answer ended
  Http2Stream* stream_;    // null once the stream is closed or the answer ended
  State state_ = State::kUnanswered;
  std::function<void()> on_drained_;
  std::function<void()> on_closed_;
};

}  // namespace millrace::net
