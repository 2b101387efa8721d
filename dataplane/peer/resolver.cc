#include "dataplane/peer/resolver.h"

#include <netdb.h>

#include <cstring>
#include <memory>

namespace millrace::peer {
namespace {

Result<SocketAddress> Look(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return Unavailable("address of " + host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

}  // namespace

void Resolver::Resolve(const std::string& host, uint16_t port, Executor& executor,
                       UniqueFunction<void(Result<SocketAddress>)> done) {
  Result<SocketAddress> at_once = Look(host, port, AI_NUMERICHOST);
  if (at_once.ok()) return done(std::move(at_once));
  auto shared = std::make_shared<UniqueFunction<void(Result<SocketAddress>)>>(std::move(done));
  const bool taken = workers_.TrySubmit([host, port, &executor, shared] {
    executor.Post(
        [shared, address = Look(host, port, 0)]() mutable { (*shared)(std::move(address)); });
  });
  if (!taken) (*shared)(Unavailable("too many host names are being looked up"));
}

}  // namespace millrace::peer
