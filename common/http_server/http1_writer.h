#pragma once

#include <functional>
#include <memory>

#include "common/http_server/http1_session.h"

namespace millrace::net {

// The answer to one HTTP/1.1 request. Keeps its connection's memory (not its socket) alive;
// destroyed on the executor, wherever the last reference is let go.
class Http1Writer final : public ResponseWriter {
 public:
  static std::shared_ptr<Http1Writer> Make(Http1Session& session);
  ~Http1Writer() override;

  Executor& executor() override { return executor_; }
  void Send(HttpResponse response) override;
  void Begin(int status, std::vector<OwnedHeader> headers) override;
  void Write(Slice data) override;
  void End() override;
  size_t QueuedBytes() const override;
  void OnDrained(std::function<void()> on_drained) override { on_drained_ = std::move(on_drained); }
  void OnClosed(std::function<void()> on_closed) override { on_closed_ = std::move(on_closed); }
  bool closed() const override { return session_ == nullptr && state_ != State::kEnded; }
  bool HasRoomFor(size_t bytes) const override;

  // For the session.
  bool streaming() const { return state_ == State::kStreaming; }
  void ConnectionDrained();
  void ConnectionClosed();

 private:
  enum class State { kUnanswered, kStreaming, kEnded };
  explicit Http1Writer(Http1Session& session);
  void Finish();

  Executor& executor_;
  std::shared_ptr<Connection> connection_;  // owns the session
  Http1Session* session_;  // null once the connection is closed or the answer ended
  State state_ = State::kUnanswered;
  std::function<void()> on_drained_;
  std::function<void()> on_closed_;
};

}  // namespace millrace::net
