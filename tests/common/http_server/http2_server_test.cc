#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/base/bytes.h"
#include "tests/common/http_server/http2_test_client.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

class Http2Server : public NetTest {
 protected:
  static HttpServerOptions BodyLimit(size_t bytes) {
    HttpServerOptions options;
    options.body_bytes_max = [bytes](const HttpRequest&) { return bytes; };
    return options;
  }
};

void SendBodyBack(HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
  writer->Send({200, {{"Content-Type", "x/y"}}, {request.body}});
}

TEST_F(Http2Server, AnswersManyStreamsOfOneConnection) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    EXPECT_EQ(request.version, HttpVersion::kHttp2);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/p");
    EXPECT_EQ(request.query, "q");
    EXPECT_EQ(request.authority, "h");
    EXPECT_EQ(request.FindHeader("X-Amz-Target"), "T");
    EXPECT_EQ(request.headers.size(), 1U);
    writer->executor().Post([writer, body = request.body] { writer->Send({200, {}, {body}}); });
  });
  Http2TestClient client(port_, {});
  std::vector<int32_t> streams;
  for (int i = 0; i < 100; ++i) {
    streams.push_back(
        client.Submit("POST", "/p?q", "body" + std::to_string(i), {{"x-amz-target", "T"}}));
  }
  for (size_t i = 0; i < streams.size(); ++i) {
    ASSERT_TRUE(client.RunUntilClosed(streams[i]));
    EXPECT_EQ(client.answer(streams[i]).status, 200);
    EXPECT_EQ(client.answer(streams[i]).body, "body" + std::to_string(i));
  }
  EXPECT_EQ(client.streams_max(), 128U);
}

TEST_F(Http2Server, IsFoundByAlpnByPrefaceInTlsAndNotForced) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    EXPECT_TRUE(request.tls);
    writer->Send({200, {}, {request.body}});
  });
  for (const char* alpn : {"h2", ""}) {
    Http2TestClient client(tls_port_, {.tls = true, .alpn = alpn});
    EXPECT_EQ(client.Negotiated(), alpn);
    int32_t stream = client.Submit("POST", "/", "secret");
    ASSERT_TRUE(client.RunUntilClosed(stream));
    EXPECT_EQ(client.answer(stream).body, "secret");
  }
  Http2TestClient client(tls_port_, {.tls = true, .alpn = "http/1.1"});
  EXPECT_EQ(client.Negotiated(), "http/1.1");
}

TEST_F(Http2Server, CarriesLargeBodiesWhole) {
  Serve(SendBodyBack);
  std::string body(10 * kMiB, 0);
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 2654435761U >> 13);
  for (bool tls : {false, true}) {
    Http2TestClient client(tls ? tls_port_ : port_, {.tls = tls, .alpn = "h2"});
    int32_t known =
        client.Submit("POST", "/", body, {{"content-length", std::to_string(body.size())}});
    int32_t unknown = client.Submit("POST", "/", body);
    ASSERT_TRUE(client.RunUntilClosed(known) && client.RunUntilClosed(unknown));
    EXPECT_TRUE(client.answer(known).body == body);
    EXPECT_TRUE(client.answer(unknown).body == body);
  }
}

TEST_F(Http2Server, StreamsNoFasterThanTheClientReads) {
  Flag drained;
  std::atomic<size_t> queued = 0;
  std::shared_ptr<ResponseWriter> held;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->Begin(200, {});
    writer->OnDrained([&, raw = writer.get()] {
      EXPECT_EQ(raw->QueuedBytes(), 0U);
      drained.Set();
      held->End();
      held = nullptr;
    });
    for (int i = 0; i < 10; ++i) writer->Write(Slice::FromString(std::string(100'000, 'x')));
    held = writer;
    writer->executor().RunAfter(milliseconds(50), [&, writer] { queued = writer->QueuedBytes(); });
  });
  Http2TestClient client(port_, {.open_windows = false});
  int32_t stream = client.Submit("GET", "/", "");
  ASSERT_TRUE(client.RunUntil([&] { return queued > 0; }));
  EXPECT_GE(queued, 900'000U);  // all but the first window of 64 KiB
  EXPECT_EQ(client.answer(stream).body.size(), 65'535U);
  client.OpenWindow(stream, 2'000'000);
  ASSERT_TRUE(client.RunUntilClosed(stream));
  EXPECT_TRUE(drained.Wait());
  EXPECT_EQ(client.answer(stream).body.size(), 1'000'000U);
  EXPECT_EQ(client.answer(stream).error_code, 0U);
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

TEST_F(Http2Server, TellsTheWriterThatItsStreamOrConnectionIsGone) {
  std::atomic<int> closed = 0;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    writer->Begin(200, {});
    writer->OnClosed([&, writer] {
      EXPECT_TRUE(writer->closed());
      writer->Write(Slice::Static("too late"));
      writer->End();
      ++closed;
    });
  });
  Http2TestClient client(port_, {});
  int32_t first = client.Submit("GET", "/", "");
  int32_t second = client.Submit("GET", "/", "");
  ASSERT_TRUE(client.RunUntil(
      [&] { return client.answer(first).status + client.answer(second).status == 400; }));
  client.Reset(first);
  EXPECT_TRUE(client.RunUntil([&] { return closed == 1; }));
  client.Close();
  for (int i = 0; i < 500 && closed < 2; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(closed, 2);
  server_->Stop(milliseconds(0));  // before what the handler uses goes
}

TEST_F(Http2Server, EndsAnAbandonedStreamWithAnError) {
  Serve([&](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    if (request.path == "/half") writer->Begin(200, {});
  });
  Http2TestClient client(port_, {});
  int32_t half = client.Submit("GET", "/half", "");
  int32_t none = client.Submit("GET", "/none", "");
  ASSERT_TRUE(client.RunUntilClosed(half) && client.RunUntilClosed(none));
  EXPECT_NE(client.answer(half).error_code, 0U);
  EXPECT_EQ(client.answer(none).status, 500);
}

TEST_F(Http2Server, RefusesWhatIsTooLargeAndGoesOn) {
  Serve(SendBodyBack, BodyLimit(1000));
  Http2TestClient client(port_, {});
  int32_t declared = client.Submit("POST", "/", "x", {{"content-length", "1001"}}, false);
  int32_t undeclared = client.Submit("POST", "/", std::string(1001, 'x'), {}, false);
  int32_t many = client.Submit("GET", "/", "", Http2TestClient::Headers(101, {"a", "b"}));
  int32_t large = client.Submit("GET", "/", "", {{"a", std::string(40'000, 'b')}});
  int32_t target = client.Submit("GET", "/" + std::string(9000, 'x'), "");
  int32_t expecting = client.Submit("POST", "/", "", {{"expect", "pie"}});
  ASSERT_TRUE(client.RunUntilClosed(declared));
  EXPECT_EQ(client.answer(declared).status, 413);
  EXPECT_NE(client.answer(declared).body.find("RequestEntityTooLargeException"), std::string::npos);
  EXPECT_EQ(client.answer(declared).error_code, 0U);
  ASSERT_TRUE(client.RunUntilClosed(undeclared));
  EXPECT_EQ(client.answer(undeclared).status, 413);
  ASSERT_TRUE(client.RunUntilClosed(many));
  EXPECT_EQ(client.answer(many).status, 431);
  ASSERT_TRUE(client.RunUntilClosed(large));
  EXPECT_EQ(client.answer(large).status, 431);
  ASSERT_TRUE(client.RunUntilClosed(target));
  EXPECT_EQ(client.answer(target).status, 414);
  ASSERT_TRUE(client.RunUntilClosed(expecting));
  EXPECT_EQ(client.answer(expecting).status, 417);
  int32_t fine = client.Submit("POST", "/", std::string(1000, 'y'));
  ASSERT_TRUE(client.RunUntilClosed(fine));
  EXPECT_EQ(client.answer(fine).body, std::string(1000, 'y'));
}

TEST_F(Http2Server, CountsHeaderTextAsReceivedMemory) {
  HttpServerOptions options;
  options.limits.receive_pool_bytes_max = kMiB;
  Serve(SendBodyBack, options);
  Http2TestClient client(port_, {});
  std::vector<int32_t> streams;
  // The header compresses to a few bytes each time but the first.
  for (int i = 0; i < 100; ++i) {
    streams.push_back(client.Submit(
        "POST", "/", "", Http2TestClient::Headers(8, {"x", std::string(3500, 'y')}), false));
  }
  auto refused = [&] {
    return std::count_if(streams.begin(), streams.end(),
                         [&](int32_t stream) { return client.answer(stream).status == 503; });
  };
  EXPECT_TRUE(client.RunUntil([&] { return refused() > 50; }));
  EXPECT_LT(refused(), 75);
  // What was taken in goes on.
  client.Continue(streams[0], "fine", true);
  ASSERT_TRUE(client.RunUntilClosed(streams[0]));
  EXPECT_EQ(client.answer(streams[0]).body, "fine");
}

TEST_F(Http2Server, ContinuesAnExpectedRequest) {
  Serve(SendBodyBack);
  Http2TestClient client(port_, {});
  int32_t stream = client.Submit("POST", "/", "", {{"expect", "100-continue"}}, false);
  ASSERT_TRUE(client.RunUntil([&] { return !client.answer(stream).informational.empty(); }));
  EXPECT_EQ(client.answer(stream).informational[0], 100);
  client.Continue(stream, "now", true);
  ASSERT_TRUE(client.RunUntilClosed(stream));
  EXPECT_EQ(client.answer(stream).body, "now");
}

TEST_F(Http2Server, AnswersHeadAndStatusesWithoutABody) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    writer->Send({request.method == "HEAD" ? 200 : 204, {}, {Slice::Static("body")}});
  });
  Http2TestClient client(port_, {});
  int32_t head = client.Submit("HEAD", "/", "");
  int32_t get = client.Submit("GET", "/", "");
  ASSERT_TRUE(client.RunUntilClosed(head) && client.RunUntilClosed(get));
  EXPECT_EQ(client.answer(head).status, 200);
  EXPECT_EQ(client.answer(head).headers["content-length"], "4");
  EXPECT_EQ(client.answer(head).body, "");
  EXPECT_EQ(client.answer(get).status, 204);
  EXPECT_EQ(client.answer(get).body, "");
}

TEST_F(Http2Server, SendsAFloodingClientAway) {
  Serve([](HttpRequest, std::shared_ptr<ResponseWriter>) {});
  {
    Http2TestClient client(port_, {});
    for (int i = 0; i < 1500; ++i) client.Ping();
    EXPECT_TRUE(client.RunUntil([&] { return client.gone_away() || client.at_end(); }));
    EXPECT_EQ(client.goaway_code(), static_cast<uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  }
  Http2TestClient client(port_, {});
  for (int i = 0; i < 1500; ++i) {
    int32_t stream = client.Submit("GET", "/", "");
    if (stream < 0) break;
    client.Flush();
    client.Reset(stream);
  }
  EXPECT_TRUE(client.RunUntil([&] { return client.gone_away() || client.at_end(); }));
}

TEST_F(Http2Server, CountsHandlersOfResetStreams) {
  std::vector<std::shared_ptr<ResponseWriter>> held;
  std::atomic<size_t> handled = 0;
  HttpServerOptions options;
  options.limits.http2_streams_max = 10;
  Serve(
      [&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
        held.push_back(std::move(writer));
        ++handled;
      },
      options);
  Http2TestClient client(port_, {});
  for (size_t i = 0; i < 21; ++i) {
    int32_t stream = client.Submit("GET", "/", "");
    ASSERT_TRUE(client.RunUntil([&] { return handled == i + 1; }));
    client.Reset(stream);
  }
  int32_t refused = client.Submit("GET", "/", "");
  ASSERT_TRUE(client.RunUntilClosed(refused));
  EXPECT_EQ(client.answer(refused).error_code, static_cast<uint32_t>(NGHTTP2_REFUSED_STREAM));
  EXPECT_EQ(handled, 21U);
  server_->Stop(milliseconds(0));
  held.clear();
}

TEST_F(Http2Server, FinishesStreamsInFlightWhenStopping) {
  std::atomic<bool> asked = false;
  Serve([&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
    asked = true;
    writer->executor().RunAfter(milliseconds(100),
                                [writer] { writer->Send({200, {}, {Slice::Static("done")}}); });
  });
  Http2TestClient client(port_, {});
  int32_t stream = client.Submit("GET", "/", "");
  ASSERT_TRUE(client.RunUntil([&] { return asked.load(); }));
  std::thread stopping([&] { server_->Stop(milliseconds(3000)); });
  EXPECT_TRUE(client.RunUntilClosed(stream));
  EXPECT_EQ(client.answer(stream).body, "done");
  EXPECT_TRUE(client.gone_away());
  EXPECT_EQ(client.goaway_code(), 0U);
  EXPECT_FALSE(client.RunUntil([] { return false; }));
  EXPECT_TRUE(client.at_end());
  client.Close();
  stopping.join();
}

TEST_F(Http2Server, CutsOffSlowHeadersSlowBodiesAndIdleConnections) {
  HttpServerOptions options;
  options.limits.header_time_max = milliseconds(60);
  options.limits.body_grace = milliseconds(60);
  options.limits.idle_time_max = milliseconds(120);
  Serve(SendBodyBack, options);
  {
    // The preface, empty SETTINGS, and HEADERS of 16 bytes of which 3 come.
    RawClient client(port_);
    client.Say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.Say({"\x00\x00\x00\x04\x00\x00\x00\x00\x00", 9});
    client.Say({"\x00\x00\x10\x01\x00\x00\x00\x00\x01\x82\x86\x84", 12});
    const std::string_view goaway("\x00\x00\x08\x07\x00", 5);
    EXPECT_NE(client.HearAll().find(goaway), std::string::npos);
  }
  {
    Http2TestClient client(port_, {});
    int32_t stream = client.Submit("POST", "/", "slow", {}, false);
    ASSERT_TRUE(client.RunUntilClosed(stream));
    EXPECT_EQ(client.answer(stream).status, 408);
  }
  Http2TestClient client(port_, {});
  EXPECT_TRUE(client.RunUntil([&] { return client.gone_away(); }));
  EXPECT_EQ(client.goaway_code(), 0U);
}

TEST_F(Http2Server, ResetsAStreamWhoseWindowStaysShut) {
  HttpServerOptions options;
  options.limits.idle_time_max = milliseconds(100);
  Serve(
      [&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
        writer->Send({200, {}, {Slice::FromString(std::string(200'000, 'x'))}});
      },
      options);
  Http2TestClient client(port_, {.open_windows = false});
  int32_t stream = client.Submit("GET", "/", "");
  ASSERT_TRUE(client.RunUntilClosed(stream));
  EXPECT_NE(client.answer(stream).error_code, 0U);
}

TEST_F(Http2Server, ClosesOnBytesThatAreNotHttp2) {
  Serve(SendBodyBack);
  RawClient client(port_);
  client.Say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.HearAll();
  EXPECT_TRUE(client.AtEnd());
}

}  // namespace
}  // namespace millrace::net
