#include "dataplane/peer/channel.h"

#include <algorithm>

#include "common/log/log.h"

namespace millrace::peer {
namespace {

ClientAnswer NotSent(Status status) {
  ClientAnswer answer;
  answer.status = std::move(status);
  return answer;
}

}  // namespace

void Channel::Send(ClientRequest request, ClientConnection::Done done) {
  if (closed_) return done(NotSent(Unavailable("this process is stopping")));
  std::shared_ptr<ClientConnection> connection = TakeIdle();
  if (connection == nullptr && busy_.size() < limits_.connections_max) {
    connection = std::make_shared<ClientConnection>(executor_, resolver_, address_, tls_,
                                                    StartsInClear(SystemClock().Now()));
  }
  if (connection != nullptr) return Use(std::move(connection), std::move(request), std::move(done));
  if (waiting_.size() >= limits_.waiting_max) {
    return done(NotSent(Status(Code::kThrottled, "too many requests wait for " + address_.host)));
  }
  const MonoTime until = SystemClock().Now() + request.time_max;
  waiting_.push_back({std::move(request), std::move(done), until});
}

std::shared_ptr<ClientConnection> Channel::TakeIdle() {
  const MonoTime now = SystemClock().Now();
  while (!idle_.empty()) {
    const Idle last = std::move(idle_.back());
    idle_.pop_back();
    const bool fresh = now - last.since < limits_.idle_max && MayUse(*last.connection, now);
    if (last.connection->usable() && fresh) return last.connection;
    last.connection->Close();
  }
  return nullptr;
}

bool Channel::StartsInClear(MonoTime now) const {
  return tls_ != nullptr && tls_->allows_clear_text() && now < in_clear_until_;
}

bool Channel::MayUse(const ClientConnection& connection, MonoTime now) const {
  return tls_ == nullptr || !connection.in_clear() || StartsInClear(now);
}

void Channel::Use(std::shared_ptr<ClientConnection> connection, ClientRequest request,
                  ClientConnection::Done done) {
  busy_.push_back(connection);
  ClientConnection& to = *connection;
  to.Send(std::move(request), [self = shared_from_this(), connection = std::move(connection),
                               done = std::move(done)](ClientAnswer answer) mutable {
    self->Done(connection, answer.status);
    done(std::move(answer));
  });
}

void Channel::Done(const std::shared_ptr<ClientConnection>& connection, const Status& status) {
  busy_.remove(connection);
  const MonoTime now = SystemClock().Now();
  if (tls_ != nullptr && connection->in_clear()) {
    // A failure may be that it knows TLS by now, and nothing else.
    const MonoTime until = connection->fell_back_at() + limits_.in_clear_max;
    in_clear_until_ = status.ok() ? std::max(in_clear_until_, until) : MonoTime{};
  } else if (connection->tls_failed() && now >= warn_again_at_) {
    warn_again_at_ = now + limits_.warn_pause;
    log::Warning("another pod is not reached",
                 {{"peer", address_.host}, {"error", status.ToString()}});
  }
  if (closed_) return;
  if (connection->usable()) idle_.push_back({connection, now});
  SendWaiting();
}

void Channel::SendWaiting() {
  while (!waiting_.empty() && !closed_) {
    if (idle_.empty() && busy_.size() >= limits_.connections_max) return;
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const MonoTime now = SystemClock().Now();
    if (now >= next.until) {
      next.done(NotSent(Status(Code::kTimeout, address_.host + " is too busy")));
      continue;
    }
    next.request.time_max = next.until - now;
    Send(std::move(next.request), std::move(next.done));
  }
}

void Channel::Close() {
  closed_ = true;
  for (const Idle& idle : idle_) idle.connection->Close();
  for (const auto& connection : busy_) connection->Close();
  idle_.clear();
  busy_.clear();
  waiting_.clear();
}

}  // namespace millrace::peer
