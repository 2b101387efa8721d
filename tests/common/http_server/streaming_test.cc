#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "common/base/bytes.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

class Http1Streaming : public NetTest {};
class ServerStop : public NetTest {};

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(Http1Streaming, SendsChunksAndKeepsTheConnection) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->Begin(200, {{"Content-Type", "x/y"}});
    writer->Write(Slice::Static("first"));
    writer->Write({});
    writer->executor().RunAfter(milliseconds(5), [writer] {
      writer->Write(Slice::FromString(std::string(17, 's')));
      writer->End();
    });
  });
  RawClient client(port_);
  for (int i = 0; i < 2; ++i) {
    client.Say(kGet);
    std::string answer = client.HearUntil("\r\n0\r\n\r\n");
    EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n"), std::string::npos);
    EXPECT_TRUE(
        answer.ends_with("\r\n\r\n5\r\nfirst\r\n11\r\n" + std::string(17, 's') + "\r\n0\r\n\r\n"))
        << answer;
  }
}

TEST_F(Http1Streaming, EndsAnHttp10StreamWithTheConnection) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->Begin(200, {});
    writer->Write(Slice::Static("all"));
    writer->End();
  });
  RawClient client(port_);
  client.Say("GET / HTTP/1.0\r\n\r\n");
  std::string answer = client.HearAll();
  EXPECT_TRUE(answer.ends_with("\r\n\r\nall")) << answer;
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
}

TEST_F(Http1Streaming, TellsHowMuchIsQueuedAndWhenItDrained) {
  std::atomic<size_t> queued = 0;
  std::atomic<int> drained = 0;
  std::shared_ptr<ResponseWriter> held;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    held = writer;
    writer->Begin(200, {});
    writer->OnDrained([&] {
      EXPECT_EQ(held->QueuedBytes(), 0U);
      if (++drained < 3) {
        held->Write(Slice::FromString(std::string(16 * kMiB, 'x')));
        EXPECT_GT(held->QueuedBytes(), 0U);
      } else {
        std::exchange(held, nullptr)->End();
      }
    });
    writer->Write(Slice::FromString(std::string(16 * kMiB, 'x')));
    EXPECT_EQ(drained, 0);  // never from inside Write
    queued = writer->QueuedBytes();
  });
  RawClient client(port_);
  client.Say(kGet);
  std::string answer = client.HearUntil("\r\n0\r\n\r\n");
  EXPECT_GT(queued, 0U);
  EXPECT_EQ(drained, 3);
  EXPECT_GT(answer.size(), 48 * kMiB);
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

TEST_F(Http1Streaming, NoticesAClientThatLeaves) {
  std::atomic<int> closed = 0;
  Serve([&](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    writer->OnClosed([&, writer] {
      EXPECT_TRUE(writer->closed());
      if (writer->QueuedBytes() == 0) ++closed;
    });
    if (request.path == "/stream") writer->Begin(200, {});
  });
  {
    RawClient streaming(port_);
    streaming.Say("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    streaming.HearUntil("\r\n\r\n");
    EXPECT_EQ(closed, 0);
  }
  RawClient waiting(port_);
  waiting.Say(kGet);
  std::this_thread::sleep_for(milliseconds(20));
  const linger reset{1, 0};
  ::setsockopt(waiting.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  waiting.Close();
  for (int i = 0; i < 500 && closed < 2; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(closed, 2);
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

TEST_F(Http1Streaming, AnAbandonedStreamLooksBroken) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->Begin(200, {});
    writer->Write(Slice::Static("half"));
  });
  RawClient client(port_);
  client.Say(kGet);
  std::string answer = client.HearAll();
  EXPECT_NE(answer.find("half"), std::string::npos);
  EXPECT_EQ(answer.find("0\r\n\r\n"), std::string::npos);
}

TEST_F(ServerStop, ClosesIdleConnectionsAndRefusesNewOnes) {
  Serve(Echo);
  RawClient client(port_);
  client.Say(kGet);
  client.HearResponse();
  auto started = std::chrono::steady_clock::now();
  server_->Stop(milliseconds(5000));
  EXPECT_LT(std::chrono::steady_clock::now() - started, milliseconds(1000));
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ServerStop, ServesThoseItTurnsAwayAndEndsTheirConnections) {
  Serve(Echo);
  RawClient before(port_);
  before.Say(kGet);
  before.HearResponse();
  server_->TurnAway();
  before.Say(kGet);
  EXPECT_NE(before.HearAll().find("Connection: close"), std::string::npos);
  RawClient after(port_);
  after.Say(kGet);
  const std::string answer = after.HearAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(ServerStop, LetsRequestsInFlightFinish) {
  Flag asked;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->executor().RunAfter(milliseconds(100), [writer] { writer->Send({200, {}, {}}); });
    asked.Set();
  });
  RawClient client(port_);
  client.Say(kGet);
  ASSERT_TRUE(asked.Wait());
  std::thread stopping([&] { server_->Stop(milliseconds(5000)); });
  std::string answer = client.HearAll();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  client.Close();
  stopping.join();
}

TEST_F(ServerStop, ClosesWhatTakesLongerThanTheGrace) {
  Flag asked;
  Flag closed;
  std::shared_ptr<ResponseWriter> held;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->OnClosed([&] { closed.Set(); });
    held = std::move(writer);
    asked.Set();
  });
  RawClient client(port_);
  client.Say(kGet);
  ASSERT_TRUE(asked.Wait());
  server_->Stop(milliseconds(50));
  EXPECT_TRUE(closed.Wait());
  EXPECT_TRUE(client.AtEnd());
  // A late answer, after the server is gone, is dropped.
  server_ = nullptr;
  Flag answered;
  Executor& executor = held->executor();
  executor.Post([&] {
    EXPECT_TRUE(held->closed());
    held->Send({200, {}, {}});
    held = nullptr;
    answered.Set();
  });
  EXPECT_TRUE(answered.Wait());
}

TEST_F(ServerStop, ManyConnectionsSpreadOverTheExecutors) {
  std::mutex mu;
  std::map<Executor*, int> served;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    {
      std::lock_guard lock(mu);
      ++served[&writer->executor()];
    }
    writer->Send({200, {}, {}});
  });
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 16; ++i) {
    clients.push_back(std::make_unique<RawClient>(port_));
    clients.back()->Say(kGet);
    clients.back()->HearResponse();
  }
  ASSERT_EQ(served.size(), 2U);
  EXPECT_EQ(served.begin()->second, 8);
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

}  // namespace
}  // namespace millrace::net
