#include "tests/common/http_server/net_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace millrace::net {

RawClient::RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval wait_max{5, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &wait_max, sizeof wait_max);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &wait_max, sizeof wait_max);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

RawClient::~RawClient() { Close(); }

void RawClient::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RawClient::Say(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;  // refused: the test sees it in the answer
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

std::string RawClient::Hear() {
  if (!heard_.empty()) return std::exchange(heard_, {});
  char data[65536];
  ssize_t n = ::recv(fd_, data, sizeof data, 0);
  return n > 0 ? std::string(data, static_cast<size_t>(n)) : std::string();
}

std::string RawClient::HearUntil(std::string_view text) {
  std::string all;
  while (true) {
    std::string more = Hear();
    if (more.empty()) return all;
    const size_t searched = all.size() < text.size() ? 0 : all.size() - text.size();
    all += more;
    size_t found = all.find(text, searched);
    if (found != std::string::npos) {
      heard_ = all.substr(found + text.size());
      return all.substr(0, found + text.size());
    }
  }
}

std::string RawClient::HearAll() {
  std::string all;
  for (std::string more = Hear(); !more.empty(); more = Hear()) all += more;
  return all;
}

std::string RawClient::HearResponse() {
  std::string head = HearUntil("\r\n\r\n");
  size_t at = head.find("Content-Length: ");
  if (at == std::string::npos) return head;
  size_t size = std::strtoul(head.c_str() + at + 16, nullptr, 10);
  std::string body;
  while (body.size() < size) {
    std::string more = Hear();
    if (more.empty()) break;
    body += more;
  }
  if (body.size() > size) {
    heard_ = body.substr(size);
    body.resize(size);
  }
  return head + body;
}

bool RawClient::AtEnd() {
  if (!heard_.empty()) return false;
  char byte;
  ssize_t n = ::recv(fd_, &byte, 1, 0);
  if (n > 0) heard_.assign(1, byte);
  return n == 0 || (n < 0 && errno == ECONNRESET);
}

void RawClient::FinishSaying() { ::shutdown(fd_, SHUT_WR); }

void RawClient::SetReceiveBuffer(int bytes) {
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

std::shared_ptr<TlsContext> TestTls(std::string* certificate_path) {
  char folder[] = "/tmp/millrace-net-XXXXXX";
  EXPECT_NE(::mkdtemp(folder), nullptr);
  const std::string certificate = std::string(folder) + "/tls.crt";
  const std::string key = std::string(folder) + "/tls.key";
  EXPECT_TRUE(EnsureSelfSignedCertificate(certificate, key, "streams.test").ok());
  auto context = TlsContext::FromFiles(certificate, key);
  EXPECT_TRUE(context.ok());
  if (certificate_path != nullptr) *certificate_path = certificate;
  return *context;
}

void NetTest::Serve(HttpHandler handler, HttpServerOptions options) {
  server_ = std::make_unique<HttpServer>(*io_, std::move(options), std::move(handler));
  auto port = server_->Listen("127.0.0.1:0");
  ASSERT_TRUE(port.ok()) << port.status().ToString();
  port_ = *port;
  static std::shared_ptr<TlsContext> tls = TestTls();
  auto tls_port = server_->Listen("127.0.0.1:0", tls);
  ASSERT_TRUE(tls_port.ok()) << tls_port.status().ToString();
  tls_port_ = *tls_port;
}

void NetTest::TearDown() {
  if (server_ != nullptr) server_->Stop(std::chrono::milliseconds(200));
  server_ = nullptr;
  io_ = nullptr;
}

void Echo(HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
  std::string text = std::string(request.method) + " " + std::string(request.target) + " ";
  text += request.body.view();
  writer->Send({200, {{"Content-Type", "text/plain"}}, {Slice::FromString(std::move(text))}});
}

}  // namespace millrace::net
