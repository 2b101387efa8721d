#include "common/net/acceptor.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "common/log/log.h"

namespace millrace::net {
namespace {

constexpr int kBacklog = 4096;
// Accepted in one turn, so that a flood of connections starves nobody.
constexpr int kAcceptsPerTurn = 64;
constexpr std::chrono::milliseconds kOutOfFilesPause{100};

struct HostAndPort {
  std::string host;
  std::string port;
};

// "host:port", "[v6]:port", ":port".
Result<HostAndPort> SplitAddress(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return InvalidArgument("listen address '" + address + "' is not host:port");
  }
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostAndPort{host, address.substr(colon + 1)};
}

Result<int> OpenListening(const addrinfo& info, const std::string& address) {
  const int fd = ::socket(info.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, "socket for " + address);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, info.ai_addr, info.ai_addrlen) != 0 || ::listen(fd, kBacklog) != 0) {
    Status status = ErrnoStatus(errno, "listen on " + address);
    ::close(fd);
    return status;
  }
  return fd;
}

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
  ASSIGN_OR_RETURN(HostAndPort parts, SplitAddress(address));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(parts.host.empty() ? nullptr : parts.host.c_str(),
                                  parts.port.c_str(), &hints, &found);
  if (error != 0) {
    return InvalidArgument("listen address '" + address + "': " + ::gai_strerror(error));
  }
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  // IPv4 first: "localhost" is both, and clients that are told 127.0.0.1 know no other.
  const addrinfo* chosen = found;
  while (chosen != nullptr && chosen->ai_family != AF_INET) chosen = chosen->ai_next;
  ASSIGN_OR_RETURN(const int fd, OpenListening(chosen == nullptr ? *found : *chosen, address));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return std::shared_ptr<Acceptor>(
      new Acceptor(std::move(context), worker_index, fd, PortOf(bound), std::move(tls)));
}

Acceptor::Acceptor(std::shared_ptr<ServerContext> context, size_t worker_index, int fd,
                   uint16_t port, std::shared_ptr<TlsContext> tls)
    : context_(std::move(context)),
      worker_(*context_->workers[worker_index % context_->workers.size()]),
      next_worker_(worker_index),
      fd_(fd),
      port_(port),
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

void Acceptor::Welcome(AcceptedSocket socket) {
  if (!context_->limiter.TryAdd(socket.peer_address)) {
    context_->metrics.CountRefused("connections");
    ::close(socket.fd);
    return;
  }
  const int on = 1;
  ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::unique_ptr<Transport> transport =
      tls_ == nullptr ? MakePlainTransport(socket.fd) : MakeTlsTransport(socket.fd, tls_->native());
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
