#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/base/bytes.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;
using testing::Test;

class Http1Server : public NetTest {};

std::string Request(const std::string& body, const std::string& more_headers = "") {
  return "POST /p?q=1 HTTP/1.1\r\nHost: h\r\n" + more_headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string PatternedBytes(size_t size) {
  std::string bytes(size, 0);
  uint32_t x = 12345;
  for (char& c : bytes) {
    x = x * 1664525 + 1013904223;
    c = static_cast<char>(x >> 24);
  }
  return bytes;
}

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

TEST_F(Http1Server, AnswersAndKeepsTheConnection) {
  Serve(Echo);
  RawClient client(port_);
  for (int i = 0; i < 3; ++i) {
    client.Say(Request("body" + std::to_string(i)));
    std::string answer = client.HearResponse();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_TRUE(EndsWith(answer, "\r\n\r\nPOST /p?q=1 body" + std::to_string(i))) << answer;
    EXPECT_EQ(answer.find("Connection:"), std::string::npos);
  }
}

TEST_F(Http1Server, GivesTheHandlerEveryPartOfTheRequest) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    EXPECT_EQ(request.method, "PUT");
    EXPECT_EQ(request.path, "/a/b");
    EXPECT_EQ(request.query, "c=d&e");
    EXPECT_EQ(request.authority, "host:1");
    EXPECT_EQ(request.FindHeader("x-amz-TARGET"), "Kinesis.Put");
    EXPECT_TRUE(request.HasHeader("empty"));
    EXPECT_EQ(request.FindHeader("empty"), "");
    EXPECT_FALSE(request.HasHeader("absent"));
    EXPECT_TRUE(request.peer.starts_with("127.0.0.1:"));
    EXPECT_FALSE(request.tls);
    EXPECT_TRUE(writer->executor().OnThisExecutor());
    writer->Send({204, {}, {}});
  });
  RawClient client(port_);
  client.Say(
      "PUT /a/b?c=d&e HTTP/1.1\r\nhost: host:1\r\nX-Amz-Target: \t Kinesis.Put \r\nEmpty:\r\n\r\n");
  std::string answer = client.HearResponse();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 No Content\r\n")) << answer;
  EXPECT_EQ(answer.find("Content-Length"), std::string::npos);
}

TEST_F(Http1Server, AnswersWhatWasPipelinedBeforeTheClientEndedItsSide) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    std::string body(request.body.view());
    writer->executor().RunAfter(
        milliseconds(10), [writer, body] { writer->Send({200, {}, {Slice::FromString(body)}}); });
  });
  RawClient client(port_);
  client.Say(Request("a") + Request("b") + Request("c"));
  client.FinishSaying();
  for (const char* body : {"a", "b", "c"}) {
    ASSERT_TRUE(EndsWith(client.HearResponse(), std::string("\r\n\r\n") + body));
  }
}

TEST_F(Http1Server, AnswersPipelinedRequestsInOrder) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    // The first answers come late, the others at once.
    std::string body(request.body.view());
    auto answer = [writer, body] { writer->Send({200, {}, {Slice::FromString(body)}}); };
    if (body < "05") {
      writer->executor().RunAfter(milliseconds(10), answer);
    } else {
      answer();
    }
  });
  RawClient client(port_);
  std::string requests;
  constexpr int kCount = 2000;
  auto label = [](int i) { return (i < 10 ? "0" : "") + std::to_string(i); };
  for (int i = 0; i < kCount; ++i) requests += Request(label(i));
  std::string heard;
  client.Say(requests);
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(EndsWith(client.HearResponse(), "\r\n\r\n" + label(i))) << i;
  }
}

TEST_F(Http1Server, AClientThatAlwaysHasMoreStarvesNobody) {
  Serve(Echo);
  RawClient flooding(port_);
  RawClient elsewhere(port_);  // so that the next one is on the first one's executor
  RawClient other(port_);
  std::atomic<bool> done = false;
  std::thread saying([&] {
    std::string requests;
    for (int i = 0; i < 1000; ++i) requests += "GET /flood HTTP/1.1\r\nHost: h\r\n\r\n";
    while (!done) flooding.Say(requests);
  });
  std::thread hearing([&] {
    while (!flooding.Hear().empty()) {
    }
  });
  for (int i = 0; i < 20; ++i) {
    other.Say(Request("mine"));
    EXPECT_TRUE(EndsWith(other.HearResponse(), "mine"));
  }
  done = true;
  saying.join();
  flooding.FinishSaying();
  hearing.join();
}

TEST_F(Http1Server, TakesARequestByteByByte) {
  Serve(Echo);
  RawClient client(port_);
  for (char c : Request("slow")) client.Say({&c, 1});
  EXPECT_TRUE(EndsWith(client.HearResponse(), "POST /p?q=1 slow"));
}

TEST_F(Http1Server, CarriesLargeBodiesWhole) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    writer->Send({200, {}, {request.body}});
  });
  const std::string body = PatternedBytes(10 * kMiB);
  RawClient client(port_);
  for (int i = 0; i < 2; ++i) {
    client.Say(Request(body));
    std::string answer = client.HearResponse();
    ASSERT_TRUE(answer.size() > body.size());
    EXPECT_TRUE(answer.substr(answer.size() - body.size()) == body);
  }
}

TEST_F(Http1Server, CarriesLargeChunkedBodiesWhole) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    writer->Send({200, {}, {request.body}});
  });
  const std::string body = PatternedBytes(10 * kMiB);
  std::string message = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  size_t at = 0;
  for (size_t size = 1; at < body.size(); size = size * 3 % 100'003 + 1) {
    size = std::min(size, body.size() - at);
    char head[32];
    std::snprintf(head, sizeof head, "%zx;ext=1\r\n", size);
    message += head + body.substr(at, size) + "\r\n";
    at += size;
  }
  message += "0\r\nTrailer: x\r\n\r\n";
  RawClient client(port_);
  for (int i = 0; i < 2; ++i) {
    client.Say(message);
    std::string answer = client.HearResponse();
    ASSERT_TRUE(answer.size() > body.size());
    EXPECT_TRUE(answer.substr(answer.size() - body.size()) == body);
  }
}

TEST_F(Http1Server, ContinuesAnExpectedRequest) {
  Serve(Echo);
  RawClient client(port_);
  client.Say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(client.HearUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Say("12345");
  EXPECT_TRUE(EndsWith(client.HearResponse(), "POST / 12345"));
}

TEST_F(Http1Server, RefusesOtherExpectationsAndOversizeBodiesBeforeTheBody) {
  HttpServerOptions options;
  options.body_bytes_max = [](const HttpRequest& head) {
    return head.path == "/large" ? size_t{100} : size_t{10};
  };
  Serve(Echo, options);
  auto answer_to = [&](const std::string& head) {
    RawClient client(port_);
    client.Say(head);
    return client.HearAll();
  };
  EXPECT_TRUE(answer_to("POST / HTTP/1.1\r\nHost: h\r\nExpect: pie\r\nContent-Length: 5\r\n\r\n")
                  .starts_with("HTTP/1.1 417 "));
  std::string refused =
      answer_to("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
  EXPECT_NE(refused.find("\"__type\":\"RequestEntityTooLargeException\""), std::string::npos);
  EXPECT_NE(refused.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(answer_to("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "8\r\n12345678\r\n3\r\n123\r\n0\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  RawClient client(port_);
  client.Say("POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n12345678901");
  EXPECT_TRUE(EndsWith(client.HearResponse(), "POST /large 12345678901"));
}

TEST_F(Http1Server, OversizeAnswerSurvivesAClientThatKeepsSending) {
  HttpServerOptions options;
  options.body_bytes_max = [](const HttpRequest&) { return size_t{10}; };
  Serve(Echo, options);
  RawClient client(port_);
  client.Say(Request(std::string(4 * kMiB, 'x')));
  EXPECT_TRUE(client.HearAll().starts_with("HTTP/1.1 413 "));
}

TEST_F(Http1Server, AnswersHeadWithoutABody) {
  Serve(Echo);
  RawClient client(port_);
  client.Say("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string answer = client.HearUntil("\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 8\r\n"), std::string::npos) << answer;
  client.Say("GET /y HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(EndsWith(client.HearResponse(), "GET /y "));
}

TEST_F(Http1Server, ClosesAfterHttp10AndAfterConnectionClose) {
  Serve(Echo);
  for (const char* request : {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                              "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n"}) {
    RawClient client(port_);
    client.Say(request);
    std::string answer = client.HearAll();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK")) << answer;
    EXPECT_NE(answer.find("Connection: close\r\n"), std::string::npos);
  }
}

TEST_F(Http1Server, AnswersAHalfClosedClient) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->executor().RunAfter(milliseconds(20), [writer] { writer->Send({200, {}, {}}); });
  });
  RawClient client(port_);
  client.Say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.FinishSaying();
  EXPECT_TRUE(client.HearAll().starts_with("HTTP/1.1 200 OK"));
}

TEST_F(Http1Server, AnswersFiveHundredForALostWriter) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    // Let go of on another thread.
    std::thread([writer = std::move(writer)] {}).detach();
  });
  RawClient client(port_);
  client.Say(Request("x"));
  EXPECT_TRUE(client.HearResponse().starts_with("HTTP/1.1 500 "));
  client.Say(Request("x"));
  EXPECT_TRUE(client.HearResponse().starts_with("HTTP/1.1 500 "));
}

TEST_F(Http1Server, KeepsHandlersTextOutOfTheHead) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->Send({200, {{"X-Text", "a\r\nSet-Cookie: b"}, {"Content-Length", "999"}}, {}});
  });
  RawClient client(port_);
  client.Say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  std::string answer = client.HearResponse();
  EXPECT_NE(answer.find("X-Text: a  Set-Cookie: b\r\n"), std::string::npos) << answer;
  EXPECT_EQ(answer.find("999"), std::string::npos);
}

}  // namespace
}  // namespace millrace::net
