#include "common/http_client/http_client.h"

#include <gtest/gtest.h>

#include <thread>

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

}  // namespace
}  // namespace millrace::net
