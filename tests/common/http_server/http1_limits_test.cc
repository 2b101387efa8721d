#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/base/bytes.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

class Http1Limits : public NetTest {
 protected:
  // What the server says to these bytes until it closes.
  std::string AnswerTo(std::string_view bytes) {
    RawClient client(port_);
    client.Say(bytes);
    return client.HearAll();
  }
};

struct Hostile {
  std::string_view what;
  std::string_view request;
  int status;
};

// A chunked request with these bytes for a body.
#define CHUNKED "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

constexpr Hostile kHostile[] = {
    {"both framings",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n",
     400},
    {"both framings, the other order",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: "
     "3\r\n\r\n0\r\n\r\n",
     400},
    {"two lengths",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
    {"the same length twice",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
    {"a list of lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
    {"a signed length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", 400},
    {"a negative length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -3\r\n\r\nabc", 400},
    {"a hexadecimal length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x3\r\n\r\nabc", 400},
    {"an empty length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", 400},
    {"a length past 64 bits",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551619\r\n\r\nabc", 400},
    {"another coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
    {"two codings", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 400},
    {"a coding twice",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n",
     400},
    {"an obscured coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \vchunked\r\n\r\n",
     400},
    {"a quoted coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
     400},
    {"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"a folded header", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", 400},
    {"a first header that is folded", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
    {"a bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
    {"a bare LF after a header", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n", 400},
    {"a bare LF for the empty line", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
    {"a bare CR in a header", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rY: b\r\n\r\n", 400},
    {"a space before the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
    {"a space in a name", "GET / HTTP/1.1\r\nHost: h\r\nX Y: z\r\n\r\n", 400},
    {"an empty name", "GET / HTTP/1.1\r\nHost: h\r\n: z\r\n\r\n", 400},
    {"no colon", "GET / HTTP/1.1\r\nHost: h\r\nnothing\r\n\r\n", 400},
    {"a control character", "GET / HTTP/1.1\r\nHost: h\r\nX: a\x01z\r\n\r\n", 400},
    {"no host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"a host that is two", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
    {"HTTP/0.9", "GET /\r\n\r\n", 400},
    {"HTTP/2 without its preface", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
    {"another version", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
    {"a lower-case version", "GET / http/1.1\r\nHost: h\r\n\r\n", 400},
    {"two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a target that is no path", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a control character in the target", "GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"a method that is no token", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"an unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"CONNECT", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 501},
    {"TLS on the clear port", "\x16\x03\x01\x02\n\x01\x01\xfc\r\n\r\n", 400},
    {"a chunk without a size", CHUNKED "\r\nabc\r\n0\r\n\r\n", 400},
    {"a chunk with a signed size", CHUNKED "+3\r\nabc\r\n0\r\n\r\n", 400},
    {"a chunk with a prefix", CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", 400},
    {"a chunk size with a space", CHUNKED "3 \r\nabc\r\n0\r\n\r\n", 400},
    {"a chunk past 64 bits", CHUNKED "10000000000000003\r\nabc\r\n0\r\n\r\n", 400},
    {"a chunk longer than its size", CHUNKED "3\r\nabcd\r\n0\r\n\r\n", 400},
    {"a bare LF after a chunk's size", CHUNKED "3\nabc\r\n0\r\n\r\n", 400},
    {"a bare LF after a chunk", CHUNKED "3\r\nabc\n0\r\n\r\n", 400},
    {"a control character in an extension", CHUNKED "3;\x01\r\nabc\r\n0\r\n\r\n", 400},
    {"a trailer that is no header", CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", 400},
};

TEST_F(Http1Limits, AmbiguousAndMalformedRequestsAreRefusedAndTheConnectionIsClosed) {
  std::atomic<int> handled = 0;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    ++handled;
    writer->Send({200, {}, {}});
  });
  for (const Hostile& hostile : kHostile) {
    // A second request, smuggled behind, must not be seen.
    std::string answer =
        AnswerTo(std::string(hostile.request) + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(hostile.status) + " "))
        << hostile.what << ": " << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos) << hostile.what;
    EXPECT_NE(answer.find("\"message\":\""), std::string::npos) << hostile.what;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << hostile.what;
  }
  EXPECT_EQ(handled, 0);
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

TEST_F(Http1Limits, UnusualButValidRequestsAreServed) {
  Serve(Echo);
  struct {
    std::string_view request;
    std::string_view answer;
  } cases[] = {
      {"\r\nGET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET /a "},
      {"GET http://h:1/a?b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /a?b "},
      {"GET /a HTTP/1.1\r\nHost:\r\nX: caf\xc3\xa9\r\nConnection: close\r\n\r\n", "GET /a "},
      {"POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\ntransfer-encoding: CHUNKED\r\n\r\n"
       "00000a;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
       "POST /a 0123456789"},
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "OPTIONS * "},
      {"DELETE /a HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", "DELETE /a "},
  };
  for (const auto& c : cases) {
    std::string answer = AnswerTo(c.request);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + std::string(c.answer))) << answer;
  }
}

TEST_F(Http1Limits, OversizeHeadsAreRefusedBeforeTheyAreComplete) {
  Serve(Echo);
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_TRUE(AnswerTo("GET /" + std::string(8192, 'x')).starts_with("HTTP/1.1 414 "));
  EXPECT_TRUE(AnswerTo("GET /" + std::string(8192, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n")
                  .starts_with("HTTP/1.1 414 "));
  EXPECT_TRUE(AnswerTo(start + "X: " + std::string(33'000, 'x')).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(
      AnswerTo(start + "X: " + std::string(33'000, 'x') + "\r\n\r\n").starts_with("HTTP/1.1 431 "));
  std::string many = start;
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  EXPECT_TRUE(AnswerTo(many).starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(AnswerTo("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;" +
                       std::string(1100, 'x') + "\r\nabc\r\n")
                  .starts_with("HTTP/1.1 400 "));
  // And just below each limit they are served.
  std::string fine = "GET /" + std::string(8100, 'x') + " HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 98; ++i) fine += "X: " + std::string(300, 'y') + "\r\n";
  EXPECT_TRUE(AnswerTo(fine + "Connection: close\r\n\r\n").starts_with("HTTP/1.1 200 "));
}

TEST_F(Http1Limits, WhatDoesNotBeginAsHttpIsRefusedAtOnce) {
  Serve(Echo);
  for (const std::string_view begin : {std::string_view("\x16\x03\x01\x02\x00\x01", 6),
                                       std::string_view("\x00\x00", 2), std::string_view("\x80")}) {
    EXPECT_TRUE(AnswerTo(std::string(begin)).starts_with("HTTP/1.1 400 "));
  }
}

TEST_F(Http1Limits, SlowHeadsSlowBodiesAndIdleConnectionsAreCutOff) {
  HttpServerOptions options;
  options.limits.header_time_max = milliseconds(60);
  options.limits.idle_time_max = milliseconds(150);
  options.limits.body_grace = milliseconds(60);
  Serve(Echo, options);
  // Each byte comes in time, the whole does not.
  {
    RawClient client(port_);
    std::thread trickle([&] {
      for (int i = 0; i < 40; ++i) {
        client.Say(i == 0 ? "GET / HTTP/1.1\r\nX:" : "y");
        std::this_thread::sleep_for(milliseconds(5));
      }
    });
    EXPECT_TRUE(client.HearAll().starts_with("HTTP/1.1 408 "));
    trickle.join();
  }
  EXPECT_TRUE(AnswerTo("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc")
                  .starts_with("HTTP/1.1 408 "));
  EXPECT_TRUE(AnswerTo("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc")
                  .starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(AnswerTo(""), "");
  RawClient client(port_);
  client.Say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(client.HearResponse().starts_with("HTTP/1.1 200"));
  EXPECT_EQ(client.HearAll(), "");
}

TEST_F(Http1Limits, AClientThatNeverReadsIsCutOff) {
  HttpServerOptions options;
  options.limits.idle_time_max = milliseconds(100);
  Serve(
      [](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
        writer->Send({200, {}, {Slice::FromString(std::string(32 * kMiB, 'x'))}});
      },
      options);
  RawClient client(port_);
  client.Say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LT(client.HearAll().size(), 32 * kMiB);
}

TEST_F(Http1Limits, ConnectionsPastTheCapsAreClosed) {
  HttpServerOptions options;
  options.limits.connections_per_peer_max = 2;
  Serve(Echo, options);
  auto first = std::make_unique<RawClient>(port_);
  RawClient second(port_);
  for (RawClient* client : {first.get(), &second}) {
    client->Say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(client->HearResponse().starts_with("HTTP/1.1 200"));
  }
  RawClient third(port_);
  EXPECT_TRUE(third.AtEnd());
  first = nullptr;
  std::string answer;
  for (int i = 0; i < 100 && answer.empty(); ++i) {
    answer = AnswerTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
}

TEST_F(Http1Limits, BodiesPastTheReceivePoolAreRefusedAndOthersServed) {
  HttpServerOptions options;
  options.limits.receive_pool_bytes_max = 3 * kMiB;
  Serve(Echo, options);
  const std::string large =
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2000000\r\n\r\n";
  RawClient holder(port_);
  holder.Say(large);
  EXPECT_EQ(holder.HearUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  const std::string refused = AnswerTo(large);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
  EXPECT_TRUE(AnswerTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                  .starts_with("HTTP/1.1 200"));
}

TEST_F(Http1Limits, UnderMemoryPressureSlowBodiesGoFirst) {
  HttpServerOptions options;
  options.limits.receive_pool_bytes_max = 3 * kMiB;
  options.limits.body_grace = milliseconds(60);
  options.limits.body_bytes_per_second_min = 1;
  Serve(Echo, options);
  // Far above the minimal rate, but it would hold two thirds of the pool for 20 s.
  RawClient client(port_);
  client.Say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n");
  std::thread trickle([&] {
    for (int i = 0; i < 50; ++i) {
      client.Say(std::string(500, 'x'));
      std::this_thread::sleep_for(milliseconds(5));
    }
  });
  EXPECT_TRUE(client.HearAll().starts_with("HTTP/1.1 408 "));
  trickle.join();
}

TEST_F(Http1Limits, CountsWhatItServesAndRefuses) {
  metrics::Registry registry;
  HttpServerOptions options;
  options.metrics = &registry;
  Serve(Echo, options);
  AnswerTo("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  AnswerTo("GET / HTTP/1.1\r\n\r\n");
  AnswerTo("GET /" + std::string(9000, 'x'));
  server_->Stop();
  std::string text = registry.Render();
  for (const char* line : {"millrace_net_requests_total{status=\"2xx\"} 1",
                           "millrace_net_requests_total{status=\"4xx\"} 2",
                           "millrace_net_refused_total{reason=\"malformed\"} 1",
                           "millrace_net_refused_total{reason=\"header_too_large\"} 1",
                           "millrace_net_connections_total 3", "millrace_net_open_connections 0"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace millrace::net
