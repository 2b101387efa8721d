#include "common/http_server/http1_writer.h"

#include <charconv>

#include "common/net/http_status.h"

namespace millrace::net {

std::shared_ptr<Http1Writer> Http1Writer::Make(Http1Session& session) {
  return {new Http1Writer(session), [](Http1Writer* writer) {
            if (writer->executor_.OnThisExecutor()) {
              delete writer;
            } else {
              // Owned: a callback that is dropped with its executor lets go of it too.
              Executor& executor = writer->executor_;
              executor.Post(
                  [owned = std::unique_ptr<Http1Writer>(writer)]() mutable { owned = nullptr; });
            }
          }};
}

Http1Writer::Http1Writer(Http1Session& session)
    : executor_(session.connection().worker().executor()),
      connection_(session.connection().shared_from_this()),
      session_(&session) {}

Http1Writer::~Http1Writer() {
  if (session_ == nullptr) return;
  if (state_ == State::kUnanswered) {
    Send({500,
          {{"Content-Type", std::string(kErrorContentType)}},
          {Slice::FromString(ErrorBody(500, "The request was not answered."))}});
  } else {
    // Half an answer must not look like a whole one.
    session_->writer_ = nullptr;
    connection_->CloseSoon();
  }
}

void Http1Writer::Send(HttpResponse response) {
  CHECK(state_ == State::kUnanswered);
  state_ = State::kEnded;
  if (session_ == nullptr) return;
  const size_t size = connection_->context().FitAnswer(response);
  session_->StartResponse(response.status, response.headers, size);
  if (!session_->head_only()) {
    for (Slice& slice : response.body) connection_->out().Append(std::move(slice));
  }
  Finish();
}

void Http1Writer::Begin(int status, std::vector<OwnedHeader> headers) {
  CHECK(state_ == State::kUnanswered);
  state_ = State::kStreaming;
  if (session_ == nullptr) return;
  session_->StartResponse(status, headers, std::nullopt);
  connection_->Flush();
}

void Http1Writer::Write(Slice data) {
  CHECK(state_ == State::kStreaming);
  if (session_ == nullptr || data.empty() || session_->head_only()) return;
  ServerContext& context = connection_->context();
  if (!context.answers.HasRoomFor(data.size(), connection_->unsent_bytes())) {
    context.metrics.CountRefused("answers");
    return connection_->CloseSoon();
  }
  OutQueue& out = connection_->out();
  if (session_->chunked_response()) {
    char size[20];
    char* end = std::to_chars(size, size + sizeof size - 2, data.size(), 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out.Copy({size, static_cast<size_t>(end - size)});
    out.Append(std::move(data));
    out.Copy("\r\n");
  } else {
    out.Append(std::move(data));
  }
  connection_->Flush();
}

void Http1Writer::End() {
  CHECK(state_ == State::kStreaming);
  state_ = State::kEnded;
  if (session_ == nullptr) return;
  if (session_->chunked_response() && !session_->head_only()) connection_->out().Copy("0\r\n\r\n");
  Finish();
}

void Http1Writer::Finish() {
  on_drained_ = nullptr;
  on_closed_ = nullptr;
  std::shared_ptr<Connection> connection = std::move(connection_);  // which owns the session
  std::exchange(session_, nullptr)->FinishResponse();
}

size_t Http1Writer::QueuedBytes() const {
  return session_ == nullptr ? 0 : connection_->unsent_bytes();
}

bool Http1Writer::HasRoomFor(size_t bytes) const {
  return session_ == nullptr || connection_->context().answers.HasRoomFor(bytes);
}

void Http1Writer::ConnectionDrained() {
  // A copy: the callback may replace itself.
  if (std::function<void()> on_drained = on_drained_) on_drained();
}

void Http1Writer::ConnectionClosed() {
  session_ = nullptr;
  connection_ = nullptr;
  on_drained_ = nullptr;
  if (std::function<void()> on_closed = std::exchange(on_closed_, nullptr)) on_closed();
}

}  // namespace millrace::net
