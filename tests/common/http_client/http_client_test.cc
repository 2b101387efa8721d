#include "common/http_client/http_client.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "common/base/bytes.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

class Client : public NetTest {
 protected:
  std::string Endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string TlsEndpoint() const { return "https://127.0.0.1:" + std::to_string(tls_port_); }
};

TEST_F(Client, SendsAndKeepsItsConnection) {
  std::mutex mu;
  std::string peer;
  Serve([&](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    std::lock_guard lock(mu);
    if (peer.empty()) peer = request.peer;
    EXPECT_EQ(request.peer, peer);
    EXPECT_EQ(request.FindHeader("x-amz-target"), "T");
    EXPECT_EQ(request.target, "/a%2Fb?c=%20");
    writer->Send({request.body.view() == "0" ? 200 : 400, {{"X-Id", "7"}}, {request.body}});
  });
  HttpClient client(Endpoint());
  for (int i = 0; i < 3; ++i) {
    auto response =
        client.Send({"POST", "/a%2Fb?c=%20", {{"X-Amz-Target", "T"}}, std::to_string(i)});
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->status, i == 0 ? 200 : 400);
    EXPECT_EQ(response->body, std::to_string(i));
    EXPECT_EQ(response->FindHeader("x-id"), "7");
    EXPECT_EQ(response->FindHeader("absent"), "");
  }
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

TEST_F(Client, VerifiesCertificatesUnlessToldNotTo) {
  Serve(Echo);
  HttpClient strict(TlsEndpoint());
  auto refused = strict.Send({"GET", "/", {}, ""});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kUnavailable);
  HttpClient lax(TlsEndpoint(), {.verify_certificate = false});
  auto response = lax.Send({"PUT", "/x", {}, std::string(300'000, 'y')});
  ASSERT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(response->body, "PUT /x " + std::string(300'000, 'y'));
}

TEST_F(Client, StreamsWhatArrivesUntilToldToStop) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    if (request.path == "/error") {
      return writer->Send({400, {}, {Slice::Static("{\"__type\":\"X\"}")}});
    }
    writer->Begin(200, {});
    for (int i = 0; i < 3; ++i) {
      writer->executor().RunAfter(milliseconds(20 * i), [writer, i] {
        writer->Write(Slice::FromString("event" + std::to_string(i)));
        if (i == 2) writer->End();
      });
    }
  });
  HttpClient client(Endpoint());
  std::vector<std::string> pieces;
  auto all = client.Stream({"POST", "/", {}, "{}"}, [&](std::string_view piece) {
    pieces.emplace_back(piece);
    return true;
  });
  ASSERT_TRUE(all.ok()) << all.status().ToString();
  EXPECT_EQ(all->status, 200);
  EXPECT_EQ(pieces, (std::vector<std::string>{"event0", "event1", "event2"}));

  int count = 0;
  auto stopped =
      client.Stream({"POST", "/", {}, "{}"}, [&](std::string_view) { return ++count < 2; });
  ASSERT_TRUE(stopped.ok()) << stopped.status().ToString();
  EXPECT_EQ(count, 2);

  auto error = client.Stream({"POST", "/error", {}, "{}"}, [&](std::string_view) {
    ADD_FAILURE();
    return true;
  });
  ASSERT_TRUE(error.ok());
  EXPECT_EQ(error->status, 400);
  EXPECT_EQ(error->body, "{\"__type\":\"X\"}");
}

TEST_F(Client, TellsNobodyThereFromTooLate) {
  std::vector<std::shared_ptr<ResponseWriter>> held;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    held.push_back(std::move(writer));
  });
  HttpClient slow(Endpoint(), {.read_time_max = milliseconds(80)});
  auto late = slow.Send({"GET", "/", {}, ""});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.status().code(), Code::kTimeout) << late.status().ToString();

  HttpClient nobody("http://127.0.0.1:1");
  auto away = nobody.Send({"GET", "/", {}, ""});
  ASSERT_FALSE(away.ok());
  EXPECT_EQ(away.status().code(), Code::kUnavailable) << away.status().ToString();

  HttpClient nonsense("gopher://x");
  auto wrong = nonsense.Send({"GET", "/", {}, ""});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.status().code(), Code::kInvalidArgument);
  server_->Stop(milliseconds(0));
  held.clear();
}

TEST_F(Client, ComesBackAfterTheServerDidAndCanBeAborted) {
  Flag asked;
  std::vector<std::shared_ptr<ResponseWriter>> held;
  Serve([&](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    if (request.path == "/wait") {
      held.push_back(std::move(writer));
      asked.Set();
    } else {
      writer->Send({200, {{"Connection", "close"}}, {}});
    }
  });
  HttpClient client(Endpoint());
  ASSERT_TRUE(client.Send({"GET", "/", {}, ""}).ok());
  std::thread aborting([&] {
    asked.Wait();
    client.Abort();
  });
  EXPECT_FALSE(client.Send({"GET", "/wait", {}, ""}).ok());
  aborting.join();
  EXPECT_TRUE(client.Send({"GET", "/", {}, ""}).ok());
  server_->Stop(milliseconds(0));
  held.clear();
}

// Sends a write on each of four kept-alive connections after the server has closed them.
void WriteAfterARest(const std::string& endpoint) {
  std::vector<HttpClient> clients;
  for (int i = 0; i < 4; ++i) {
    HttpClient& client =
        clients.emplace_back(endpoint, HttpClientOptions{.verify_certificate = false});
    ASSERT_TRUE(client.Send({"POST", "/", {}, "first"}).ok());
  }
  std::this_thread::sleep_for(milliseconds(400));
  for (HttpClient& client : clients) {
    auto response = client.Send({"POST", "/", {}, std::string(100'000, 'x')});
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    EXPECT_EQ(response->status, 200);
  }
}

HttpServerOptions ImpatientServer() {
  HttpServerOptions options;
  options.limits.idle_time_max = milliseconds(100);
  return options;
}

TEST_F(Client, WritesAfterARestAreNotSentIntoClosedConnections) {
  Serve(Echo, ImpatientServer());
  WriteAfterARest(Endpoint());
}

TEST_F(Client, WritesAfterARestAreNotSentIntoTlsConnectionsThatSaidGoodbye) {
  Serve(Echo, ImpatientServer());
  WriteAfterARest(TlsEndpoint());
}

// Answers requests, but on its first connection goes away in the middle of the second one.
class RudeServer {
 public:
  RudeServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 8), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    endpoint = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~RudeServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string endpoint;
  std::atomic<int> whole{0};  // requests

 private:
  void Serve() {
    for (int connection = 0, fd; (fd = accept(listener_, nullptr, nullptr)) >= 0; close(fd)) {
      while (Answer(fd, connection == 0 ? 10 : SIZE_MAX)) {
      }
      ++connection;
    }
  }
  // Requests here end with "!"; past `reads_max` pieces of one the connection is given up.
  bool Answer(int fd, size_t reads_max) {
    std::vector<char> piece(64 * 1024);
    for (size_t reads = 0; reads < reads_max; ++reads) {
      const ssize_t got = recv(fd, piece.data(), piece.size(), 0);
      if (got <= 0) return false;
      if (piece[static_cast<size_t>(got) - 1] != '!') continue;
      ++whole;
      return send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38, MSG_NOSIGNAL) == 38;
    }
    return false;
  }
  int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  std::thread thread_;
};

TEST(HttpClient, AWriteThatCouldNotBeSentWholeIsSentAgainOnce) {
  RudeServer server;
  HttpClient client(server.endpoint);
  ASSERT_TRUE(client.Send({"POST", "/", {}, "small!"}).ok());
  auto response = client.Send({"POST", "/", {}, std::string(32'000'000, 'x') + "!"});
  EXPECT_TRUE(response.ok()) << response.status().ToString();
  EXPECT_EQ(server.whole, 2);
}

TEST_F(Client, AConnectionThatRestedLongerThanItMayIsNotUsedAgain) {
  std::mutex mu;
  std::vector<std::string> peers;
  Serve([&](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    std::lock_guard lock(mu);
    peers.push_back(request.peer);
    writer->Send({200, {}, {}});
  });
  HttpClient client(Endpoint(), {.idle_time_max = milliseconds(100)});
  ASSERT_TRUE(client.Send({"POST", "/", {}, "1"}).ok());
  ASSERT_TRUE(client.Send({"POST", "/", {}, "2"}).ok());
  std::this_thread::sleep_for(milliseconds(150));
  ASSERT_TRUE(client.Send({"POST", "/", {}, "3"}).ok());
  server_->Stop(milliseconds(0));
  ASSERT_EQ(peers.size(), 3u);
  EXPECT_EQ(peers[0], peers[1]);
  EXPECT_NE(peers[1], peers[2]);
}

}  // namespace
}  // namespace millrace::net
