#include "cli/bench/load_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

namespace millrace::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

Result<int> Connect(const LoadOptions& options) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::string port = std::to_string(options.port);
  if (getaddrinfo(options.host.c_str(), port.c_str(), &hints, &found) != 0) {
    return Unavailable("cannot resolve " + options.host);
  }
  int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int connected = fd < 0 ? -1 : connect(fd, found->ai_addr, found->ai_addrlen);
  int error = errno;
  freeaddrinfo(found);
  if (connected != 0) {
    if (fd >= 0) close(fd);
    return Unavailable("connect " + options.host + ":" + port + ": " + std::strerror(error));
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

// One connection: a request going out, then its answer coming in.
struct Connection {
  ~Connection() {
    if (fd >= 0) close(fd);
  }
  int fd = -1;
  const std::string* request = nullptr;
  size_t sent = 0;
  std::string received;
  size_t answer_bytes = 0;  // head and body, 0 until the head is whole
  SteadyClock::time_point began;
};

// The number behind `name` in an answer's head or body, or -1.
int64_t NumberAfter(std::string_view text, std::string_view name) {
  auto it = std::search(text.begin(), text.end(), name.begin(), name.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
  if (it == text.end()) return -1;
  size_t at = static_cast<size_t>(it - text.begin()) + name.size();
  while (at < text.size() && text[at] == ' ') ++at;
  int64_t value = -1;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

class Load {
 public:
  Load(const LoadOptions& options, const std::vector<std::string>& requests)
      : options_(options), requests_(requests) {}
  ~Load() {
    if (epoll_ >= 0) close(epoll_);
  }

  Status Open() {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return ErrnoStatus(errno, "epoll_create1");
    for (size_t i = 0; i < options_.connections; ++i) {
      auto connection = std::make_unique<Connection>();
      ASSIGN_OR_RETURN(connection->fd, Connect(options_));
      epoll_event event{};
      event.events = EPOLLIN | EPOLLOUT | EPOLLET;
      event.data.ptr = connection.get();
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        return ErrnoStatus(errno, "epoll_ctl");
      connections_.push_back(std::move(connection));
    }
    return OkStatus();
  }

  // Drives every connection until `end`.
  Status RunUntil(SteadyClock::time_point end, bool measure) {
    measure_ = measure;
    for (auto& connection : connections_) {
      if (!connection->request) RETURN_IF_ERROR(Start(*connection));
    }
    std::vector<epoll_event> events(connections_.size());
    while (SteadyClock::now() < end) {
      int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 100);
      for (int i = 0; i < n; ++i) {
        auto& connection = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
        RETURN_IF_ERROR(Advance(connection));
      }
    }
    return OkStatus();
  }

  LoadResult result;

 private:
  Status Start(Connection& c) {
    c.request = &requests_[next_++ % requests_.size()];
    c.sent = 0;
    c.received.clear();
    c.answer_bytes = 0;
    c.began = SteadyClock::now();
    return Advance(c);
  }

  Status Advance(Connection& c) {
    while (c.sent < c.request->size()) {
      ssize_t n = send(c.fd, c.request->data() + c.sent, c.request->size() - c.sent, MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) break;
      if (n < 0) return ErrnoStatus(errno, "send");
      c.sent += static_cast<size_t>(n);
    }
    char buffer[65536];
    while (true) {
      ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
      if (n < 0 && errno == EAGAIN) return OkStatus();
      if (n <= 0) return Unavailable("the server closed the connection");
      c.received.append(buffer, static_cast<size_t>(n));
      if (c.answer_bytes == 0) ReadHead(c);
      if (c.answer_bytes > 0 && c.received.size() >= c.answer_bytes) {
        Finish(c);
        return Start(c);
      }
    }
  }

  void ReadHead(Connection& c) {
    size_t end = c.received.find("\r\n\r\n");
    if (end == std::string::npos) return;
    int64_t length =
        NumberAfter(std::string_view(c.received).substr(0, end + 2), "\r\ncontent-length:");
    c.answer_bytes = end + 4 + static_cast<size_t>(std::max<int64_t>(length, 0));
  }

  void Finish(const Connection& c) {
    if (!measure_) return;
    ++result.calls;
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(SteadyClock::now() - c.began);
    result.latencies_us.push_back(static_cast<uint32_t>(took.count()));
    bool ok = c.received.compare(0, 12, "HTTP/1.1 200") == 0;
    if (!ok) {
      ++result.failed_calls;
      if (result.first_failure.empty())
        result.first_failure = c.received.substr(c.received.find("\r\n\r\n") + 4);
    }
    int64_t failed =
        NumberAfter(std::string_view(c.received).substr(c.received.find("\r\n\r\n") + 4, 256),
                    "\"FailedRecordCount\":");
    result.failed_records += static_cast<uint64_t>(std::max<int64_t>(failed, 0));
  }

  const LoadOptions& options_;
  const std::vector<std::string>& requests_;
  int epoll_ = -1;
  size_t next_ = 0;
  bool measure_ = false;
  std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace

double LoadResult::Percentile(double p) const {
  if (latencies_us.empty()) return 0;
  auto at = static_cast<size_t>(p / 100 * static_cast<double>(latencies_us.size() - 1) + 0.5);
  return latencies_us[at] / 1000.0;
}

Result<LoadResult> RunLoad(const LoadOptions& options, const std::vector<std::string>& requests,
                           const std::function<void(bool begin)>& on_measuring) {
  Load load(options, requests);
  RETURN_IF_ERROR(load.Open());
  auto seconds = [](double s) {
    return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(s));
  };
  RETURN_IF_ERROR(load.RunUntil(SteadyClock::now() + seconds(options.warm_up_seconds), false));
  on_measuring(true);
  auto began = SteadyClock::now();
  RETURN_IF_ERROR(load.RunUntil(began + seconds(options.seconds), true));
  load.result.seconds = std::chrono::duration<double>(SteadyClock::now() - began).count();
  on_measuring(false);
  std::sort(load.result.latencies_us.begin(), load.result.latencies_us.end());
  return std::move(load.result);
}

}  // namespace millrace::cli
