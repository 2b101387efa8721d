#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "common/base/status.h"

namespace millrace::net {

// A bound TCP socket that listens: connections queue in the kernel from its making on, also while
// nobody accepts them. Whoever holds it across restarts of the one that accepts (operator/runtime
// hands it to child processes) keeps clients from being refused meanwhile. Owns the descriptor; any
// thread.
class ListeningSocket {
 public:
  // "host:port" (port 0: any; no host: every IPv4 interface; a name: its IPv4 address if it has
  // one, else its first), or "fd:N" for one that this process has inherited as descriptor N.
  static Result<ListeningSocket> Open(const std::string& address);
  ListeningSocket(ListeningSocket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}
  ListeningSocket& operator=(ListeningSocket&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(port_, other.port_);
    return *this;
  }
  ~ListeningSocket();

  int fd() const { return fd_; }
  // The one it got.
  uint16_t port() const { return port_; }
  // Gives the descriptor to the caller.
  int Release() { return std::exchange(fd_, -1); }

 private:
  ListeningSocket(int fd, uint16_t port) : fd_(fd), port_(port) {}
  static Result<ListeningSocket> Inherit(const std::string& address);

  int fd_;
  uint16_t port_;
};

}  // namespace millrace::net
