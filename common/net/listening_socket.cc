#include "common/net/listening_socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>

namespace millrace::net {
namespace {

constexpr int kBacklog = 4096;
constexpr std::string_view kInherited = "fd:";

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

// The descriptor, bound and listening.
Result<int> Bind(const addrinfo& info, const std::string& address) {
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

uint16_t BoundPort(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                           : reinterpret_cast<sockaddr_in&>(bound).sin_port);
}

}  // namespace

Result<ListeningSocket> ListeningSocket::Open(const std::string& address) {
  if (address.starts_with(kInherited)) return Inherit(address);
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
  ASSIGN_OR_RETURN(const int fd, Bind(chosen == nullptr ? *found : *chosen, address));
  return ListeningSocket(fd, BoundPort(fd));
}

Result<ListeningSocket> ListeningSocket::Inherit(const std::string& address) {
  const std::string_view digits = std::string_view(address).substr(kInherited.size());
  int fd = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), fd);
  int listens = 0;
  socklen_t size = sizeof listens;
  if (error != std::errc() || end != digits.data() + digits.size() || fd < 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0) {
    return InvalidArgument("listen address '" + address + "' is no listening socket of ours");
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  return ListeningSocket(fd, BoundPort(fd));
}

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace millrace::net
