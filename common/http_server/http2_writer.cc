#include "common/http_server/http2_writer.h"

#include "common/http_server/http2_session.h"
#include "common/net/http_status.h"

namespace millrace::net {

std::shared_ptr<Http2Writer> Http2Writer::Make(std::shared_ptr<Connection> connection,
                                               Http2Session& session, Http2Stream& stream) {
  return {new Http2Writer(std::move(connection), session, stream), [](Http2Writer* writer) {
            if (writer->executor_.OnThisExecutor()) {
              delete writer;
            } else {
              // Owned: a callback that is dropped with its executor lets go of it too.
              Executor& executor = writer->executor_;
              executor.Post(
                  [owned = std::unique_ptr<Http2Writer>(writer)]() mutable { owned = nullptr; });
            }
          }};
}

Http2Writer::Http2Writer(std::shared_ptr<Connection> connection, Http2Session& session,
                         Http2Stream& stream)
    : executor_(connection->worker().executor()),
      connection_(std::move(connection)),
      session_(&session),
      stream_(&stream) {}

Http2Writer::~Http2Writer() {
  if (session_ == nullptr) return;
  if (state_ == State::kUnanswered) {
    Send({500,
          {{"Content-Type", std::string(kErrorContentType)}},
          {Slice::FromString(ErrorBody(500, "The request was not answered."))}});
    return;
  }
  // Half an answer must not look like a whole one.
  if (stream_ != nullptr) session_->ResetStream(*stream_);
  session_->Forget(*this, stream_);
}

void Http2Writer::Send(HttpResponse response) {
  CHECK(state_ == State::kUnanswered);
  state_ = State::kEnded;
  if (stream_ != nullptr) {
    const size_t size = connection_->context().FitAnswer(response);
    for (Slice& slice : response.body) session_->Queue(*stream_, std::move(slice));
    stream_->ended = true;
    session_->SubmitResponse(*stream_, response.status, response.headers, size);
  }
  Finish();
}

void Http2Writer::Begin(int status, std::vector<OwnedHeader> headers) {
  CHECK(state_ == State::kUnanswered);
  state_ = State::kStreaming;
  if (stream_ != nullptr) session_->SubmitResponse(*stream_, status, headers, std::nullopt);
}

void Http2Writer::Write(Slice data) {
  CHECK(state_ == State::kStreaming);
  if (stream_ == nullptr || data.empty() || stream_->head_only) return;
  ServerContext& context = connection_->context();
  if (!context.answers.HasRoomFor(data.size(), QueuedBytes())) {
    context.metrics.CountRefused("answers");
    return session_->ResetStream(*stream_);
  }
  session_->Queue(*stream_, std::move(data));
  session_->Resume(*stream_);
}

void Http2Writer::End() {
  CHECK(state_ == State::kStreaming);
  state_ = State::kEnded;
  if (stream_ != nullptr) {
    stream_->ended = true;
    session_->Resume(*stream_);
  }
  Finish();
}

void Http2Writer::Finish() {
  on_drained_ = nullptr;
  on_closed_ = nullptr;
  std::shared_ptr<Connection> connection = std::move(connection_);  // which owns the session
  if (session_ != nullptr) std::exchange(session_, nullptr)->Forget(*this, stream_);
  stream_ = nullptr;
}

size_t Http2Writer::QueuedBytes() const {
  return stream_ == nullptr ? 0 : stream_->queued_bytes + stream_->sending_bytes;
}

bool Http2Writer::HasRoomFor(size_t bytes) const {
  return stream_ == nullptr || connection_->context().answers.HasRoomFor(bytes);
}

void Http2Writer::SessionClosed() {
  stream_ = nullptr;
  session_ = nullptr;
  connection_ = nullptr;
}

void Http2Writer::NotifyDrained() {
  if (stream_ == nullptr || QueuedBytes() > 0) return;
  // A copy: the callback may replace itself.
  if (std::function<void()> on_drained = on_drained_) on_drained();
}

void Http2Writer::NotifyClosed() {
  on_drained_ = nullptr;
  if (std::function<void()> on_closed = std::exchange(on_closed_, nullptr)) on_closed();
}

}  // namespace millrace::net
