#include "common/http_server/acceptor.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "common/log/log.h"

namespace millrace::net {
namespace {

// Accepted in one turn, so that a flood of connections starves nobody.
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kOutOfFilesPause{100};

uint16_t PortOf(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

AcceptedSocket Describe(int fd, const sockaddr_storage& address, socklen_t size) {
  char host[NI_MAXHOST] = {};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), size, host, sizeof host, nullptr,
                    0, NI_NUMERICHOST) != 0) {
    host[0] = '?';
  }
  const std::string port = std::to_string(PortOf(address));
  const bool v6 = address.ss_family == AF_INET6;
  return {fd, (v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + port, host};
}

}  // namespace

Result<std::shared_ptr<Acceptor>> Acceptor::Listen(std::shared_ptr<ServerContext> context,
                                                   size_t worker_index, const std::string& address,
                                                   std::shared_ptr<TlsContext> tls) {
  ASSIGN_OR_RETURN(ListeningSocket socket, ListeningSocket::Open(address));
  return std::shared_ptr<Acceptor>(
      new Acceptor(std::move(context), worker_index, std::move(socket), std::move(tls)));
}

Acceptor::Acceptor(std::shared_ptr<ServerContext> context, size_t worker_index,
                   ListeningSocket socket, std::shared_ptr<TlsContext> tls)
    : context_(std::move(context)),
      worker_(*context_->workers[worker_index % context_->workers.size()]),
      next_worker_(worker_index),
      port_(socket.port()),
      fd_(socket.Release()),
      tls_(std::move(tls)) {}

Acceptor::~Acceptor() { CHECK(stopped_); }

void Acceptor::Start() {
  watch_ = std::make_unique<SocketWatch>(worker_.executor(), fd_);
  watch_->WaitReadable(shared_from_this());
}

void Acceptor::Stop() {
  stopped_ = true;
  watch_ = nullptr;
}

void Acceptor::OnReadable() {
  for (int i = 0; i < kAcceptsPerTurn && !stopped_; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Welcome(Describe(fd, address, size));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The listener stays readable: without a pause this would spin.
      log::Warning("no file descriptor for a new connection", {{"errno", errno}});
      worker_.executor().RunAfter(kOutOfFilesPause, [self = shared_from_this()] {
        if (!self->stopped_) self->OnReadable();
      });
      return;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    }
  }
  if (!stopped_) watch_->WaitReadable(shared_from_this());
}

std::unique_ptr<Transport> Acceptor::MakeTransport(int fd) const {
  if (tls_ == nullptr) return MakePlainTransport(fd);
  const std::shared_ptr<SSL_CTX> context = tls_->native();
  return tls_->allows_clear_text() ? MakeTlsOrPlainTransport(fd, context.get())
                                   : MakeTlsTransport(fd, context.get());
}

void Acceptor::Welcome(AcceptedSocket socket) {
  if (!context_->limiter.TryAdd(socket.peer_address)) {
    context_->metrics.CountRefused("connections");
    ::close(socket.fd);
    return;
  }
  const int on = 1;
  ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::unique_ptr<Transport> transport = MakeTransport(socket.fd);
  if (transport == nullptr) {
    context_->limiter.Remove(socket.peer_address);
    ::close(socket.fd);
    return;
  }
  {
    std::lock_guard lock(context_->mu);
    ++context_->connections_open;
  }
  Worker& worker = *context_->workers[next_worker_++ % context_->workers.size()];
  worker.executor().Post([context = context_, &worker, moved = std::move(socket),
                          transport = std::move(transport)]() mutable {
    worker.Welcome(std::move(context), std::move(moved), std::move(transport));
  });
}

}  // namespace millrace::net
