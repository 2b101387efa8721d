#include "dataplane/peer/channel.h"

#include <algorithm>

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
    connection = std::make_shared<ClientConnection>(executor_, resolver_, address_, tls_);
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
    if (last.connection->usable() && now - last.since < limits_.idle_max) return last.connection;
    last.connection->Close();
  }
  return nullptr;
}

void Channel::Use(std::shared_ptr<ClientConnection> connection, ClientRequest request,
                  ClientConnection::Done done) {
  busy_.push_back(connection);
  ClientConnection& to = *connection;
  to.Send(std::move(request), [self = shared_from_this(), connection = std::move(connection),
                               done = std::move(done)](ClientAnswer answer) mutable {
    self->Done(connection);
    done(std::move(answer));
  });
}

void Channel::Done(const std::shared_ptr<ClientConnection>& connection) {
  busy_.remove(connection);
  if (closed_) return;
  if (connection->usable()) idle_.push_back({connection, SystemClock().Now()});
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
