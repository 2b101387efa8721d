// A whole server against one hostile connection: HTTP/1.1 when the first byte is even, HTTP/2
// (behind a valid preface) when it is odd. Whatever comes, the handler sees only whole requests and
// the connection ends.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>

#include "common/async/io_threads.h"
#include "common/base/check.h"
#include "common/http_server/http_server.h"

namespace {

using millrace::Slice;
using millrace::net::HttpRequest;
using millrace::net::HttpServer;
using millrace::net::ResponseWriter;

constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);

// Reads every byte that the request points to, so that the sanitizer sees it.
size_t Sum(std::string_view text) {
  return std::accumulate(text.begin(), text.end(), size_t{0},
                         [](size_t sum, char c) { return sum + static_cast<uint8_t>(c); });
}

void Answer(HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
  size_t sum = Sum(request.method) + Sum(request.target) + Sum(request.path) + Sum(request.query) +
               Sum(request.authority) + Sum(request.body.view());
  for (const auto& header : request.headers) sum += Sum(header.name) + Sum(header.value);
  switch (sum % 4) {
    case 0:
      return writer->Send({200, {{"X-Sum", std::to_string(sum)}}, {request.body}});
    case 1:
      return;  // let go of
    case 2:
      writer->executor().Post([writer] { writer->Send({404, {}, {Slice::Static("later")}}); });
      return;
    default:
      writer->Begin(200, {});
      writer->Write(request.body);
      writer->executor().Post([writer] {
        writer->Write(Slice::Static("end"));
        writer->End();
      });
  }
}

struct Server {
  Server() : io(1, "fuzz"), server(io, Options(), Answer) {
    auto listening = server.Listen("127.0.0.1:0");
    CHECK(listening.ok());
    port = *listening;
  }
  static millrace::net::HttpServerOptions Options() {
    millrace::net::HttpServerOptions options;
    options.limits.header_bytes_max = 2048;
    options.limits.request_line_bytes_max = 512;
    options.body_bytes_max = [](const HttpRequest&) { return size_t{10'000}; };
    return options;
  }
  millrace::IoThreads io;
  HttpServer server;
  uint16_t port = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto* server = new Server();  // for the whole process
  if (size == 0) return 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // A server that doesn't end the connection is what this would catch.
  const timeval wait_max{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait_max, sizeof wait_max);
  CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  std::string text;
  if (data[0] % 2 == 1) text = kPreface;
  text.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  char answer[4096];
  ssize_t got;
  do {
    got = ::recv(fd, answer, sizeof answer, 0);
  } while (got > 0);
  CHECK(got == 0 || errno == ECONNRESET);
  const linger reset{1, 0};  // no port is left waiting
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  ::close(fd);
  return 0;
}
