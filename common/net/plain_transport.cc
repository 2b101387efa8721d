#include <sys/socket.h>

#include <cerrno>

#include "common/net/transport.h"

namespace millrace::net {
namespace {

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}

  ssize_t Handshake() override { return 1; }
  std::string_view application_protocol() const override { return {}; }

  ssize_t Read(void* data, size_t size) override {
    ssize_t got;
    do {
      got = ::recv(fd_, data, size, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    return got >= 0 ? got : Failure();
  }

  // A short read emptied the socket.
  bool MayHaveMore(size_t got, size_t asked) const override { return got == asked; }
  bool HasBufferedInput() const override { return false; }

  ssize_t Write(const iovec* pieces, size_t count) override {
    if (count == 0) return 0;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces);
    message.msg_iovlen = count;
    ssize_t sent;
    do {
      sent = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return sent;
    return Failure() == kWouldBlock ? 0 : kFailed;
  }

  size_t pending_output() const override { return 0; }
  void ShutDownOutput() override { ::shutdown(fd_, SHUT_WR); }
  bool encrypted() const override { return false; }

 private:
  static ssize_t Failure() {
    return errno == EAGAIN || errno == EWOULDBLOCK ? kWouldBlock : kFailed;
  }
  const int fd_;
};

}  // namespace

std::unique_ptr<Transport> MakePlainTransport(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

}  // namespace millrace::net
