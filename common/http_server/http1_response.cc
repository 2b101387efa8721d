// The parts of Http1Session that write heads and refuse requests.
#include <charconv>

#include "common/http_server/http1_session.h"
#include "common/http_server/http1_writer.h"
#include "common/net/http_status.h"
#include "common/net/response_head.h"

namespace millrace::net {
namespace {

void CopyNumber(uint64_t number, std::string& head) {
  char digits[20];
  head.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

}  // namespace

void Http1Session::StartResponse(int status, const std::vector<OwnedHeader>& headers,
                                 std::optional<size_t> body_size) {
  ServerContext& context = connection_.context();
  context.metrics.CountAnswer(status);
  chunked_response_ = !body_size.has_value() && !http10_;
  if (draining_ || context.turning_away || (!body_size.has_value() && http10_)) keep_alive_ = false;
  std::string& head = head_buffer_;
  head.assign("HTTP/1.1 ");
  CopyNumber(static_cast<uint64_t>(status), head);
  head.append(" ").append(ReasonPhrase(status)).append("\r\nServer: ");
  head.append(context.options.server_name).append("\r\nDate: ");
  head.append(connection_.worker().DateHeader()).append("\r\n");
  if (HasNoBody(status)) {
    head_only_ = true;
  } else if (body_size.has_value()) {
    head.append("Content-Length: ");
    CopyNumber(*body_size, head);
    head.append("\r\n");
  } else if (chunked_response_) {
    head.append("Transfer-Encoding: chunked\r\n");
  }
  if (!keep_alive_) head.append("Connection: close\r\n");
  for (const auto& [name, value] : headers) {
    if (IsSetByServer(name)) continue;
    head.append(name).append(": ");
    AppendFieldValue(value, head);
    head.append("\r\n");
  }
  head.append("\r\n");
  connection_.out().Copy(head);
}

void Http1Session::Refuse(const Refusal& refusal) {
  if (connection_.closed()) return;
  connection_.context().metrics.CountRefused(RefusalReason(refusal.status));
  state_ = State::kClosing;
  keep_alive_ = false;
  input_ = InputBuffer();
  body_slab_ = nullptr;
  request_ = HttpRequest();
  const std::string body = ErrorBody(refusal.status, refusal.message);
  StartResponse(refusal.status, {{"Content-Type", std::string(kErrorContentType)}}, body.size());
  if (!head_only_) connection_.out().Copy(body);
  connection_.Linger();
}

void Http1Session::OnTick(MonoTime now) {
  const HttpServerLimits& limits = connection_.context().options.limits;
  if (state_ == State::kHead) {
    if (input_.empty()) {
      if (now - since_ > limits.idle_time_max) connection_.Close();
    } else if (now - since_ > limits.header_time_max) {
      Refuse({408, "The request's head took too long."});
    }
  } else if (reading() && body_clock_.IsTooSlow(now, body_received_, limits.body_grace,
                                                connection_.context().BodyRateMin(body_memory()))) {
    Refuse({408, "The request's body came too slowly."});
  }
}

}  // namespace millrace::net
