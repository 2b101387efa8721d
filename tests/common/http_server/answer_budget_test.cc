#include "common/http_server/answer_budget.h"

#include <thread>

#include "tests/common/http_server/http2_test_client.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

// Far more than sockets buffer, so that most of it waits in the server.
constexpr size_t kLarge = 32 * kMiB;
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kGetSmall = "GET /small HTTP/1.1\r\nHost: h\r\n\r\n";

TEST(AnswerBudget, CountsWhatIsHeldAndAlwaysLetsALittleIn) {
  AnswerBudget budget(kMiB);
  {
    AnswerCharge first(budget);
    AnswerCharge second(budget);
    first.Set(600 * kKiB);
    EXPECT_TRUE(budget.UnderPressure());
    EXPECT_TRUE(budget.HasRoomFor(400 * kKiB));
    second.Set(500 * kKiB);
    EXPECT_EQ(budget.bytes(), 1100 * kKiB);
    EXPECT_FALSE(budget.HasRoomFor(65 * kKiB));
    EXPECT_TRUE(budget.HasRoomFor(64 * kKiB));
    EXPECT_FALSE(budget.HasRoomFor(64 * kKiB, 1));
    first.Set(100);
    EXPECT_FALSE(budget.UnderPressure());
  }
  EXPECT_EQ(budget.bytes(), 0U);
}

class QueuedAnswers : public NetTest {
 protected:
  void ServeLarge(HttpServerOptions options) {
    options.metrics = &registry_;
    Serve(
        [](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
          const size_t size = request.path == "/small" ? 1000 : kLarge;
          writer->Send({200, {}, {Slice::FromString(std::string(size, 'x'))}});
        },
        options);
  }
  // Waits until answers are held in memory, as the metric says.
  bool WaitForQueued(bool any) {
    for (int i = 0; i < 500; ++i) {
      const bool none =
          registry_.Render().find("\nmillrace_net_queued_answer_bytes 0\n") != std::string::npos;
      if (none != any) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  metrics::Registry registry_;
};

TEST_F(QueuedAnswers, PastTheirLimitLargeOnesAreRefusedUntilClientsTakeThem) {
  HttpServerOptions options;
  options.limits.queued_answer_bytes_max = kLarge + kMiB;
  options.limits.handshake_time_max = milliseconds(200);  // looks at its clients often
  options.limits.idle_time_max = options.limits.body_grace = milliseconds(30'000);
  ServeLarge(options);
  RawClient slow(port_);
  slow.Say(kGet);
  ASSERT_TRUE(WaitForQueued(true));
  RawClient other(port_);
  other.Say(kGet);
  const std::string refused = other.HearResponse();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused.substr(0, 100);
  EXPECT_NE(refused.find("ServiceUnavailable"), std::string::npos);
  Http2TestClient http2(port_, {});
  const int32_t stream = http2.Submit("GET", "/", "");
  ASSERT_TRUE(http2.RunUntilClosed(stream));
  EXPECT_EQ(http2.answer(stream).status, 503);
  // Small ones go on, on the same connection.
  other.Say(kGetSmall);
  EXPECT_TRUE(other.HearResponse().starts_with("HTTP/1.1 200 "));
  EXPECT_GT(slow.HearResponse().size(), kLarge);
  other.Say(kGet);
  EXPECT_GT(other.HearResponse().size(), kLarge);
  EXPECT_TRUE(WaitForQueued(false));
}

TEST_F(QueuedAnswers, ShutWindowsOfHttp2CountToo) {
  HttpServerOptions options;
  options.limits.queued_answer_bytes_max = kLarge + kMiB;
  options.limits.handshake_time_max = milliseconds(200);  // looks at its clients often
  options.limits.idle_time_max = options.limits.body_grace = milliseconds(30'000);
  ServeLarge(options);
  Http2TestClient shut(port_, {.open_windows = false});
  const int32_t first = shut.Submit("GET", "/", "");
  const int32_t second = shut.Submit("GET", "/", "");
  ASSERT_TRUE(shut.RunUntil([&] { return shut.answer(second).status != 0; }));
  EXPECT_EQ(shut.answer(first).status, 200);
  EXPECT_EQ(shut.answer(second).status, 503);
  shut.Close();
  EXPECT_TRUE(WaitForQueued(false));
}

TEST_F(QueuedAnswers, WithHalfOfThemInUseWhoReadsSlowlyIsClosed) {
  HttpServerOptions options;
  options.limits.queued_answer_bytes_max = kLarge + kMiB;
  options.limits.handshake_time_max = milliseconds(200);  // looks at its clients often
  options.limits.body_grace = milliseconds(200);
  ServeLarge(options);
  RawClient slow(port_);
  slow.Say(kGet);
  ASSERT_TRUE(WaitForQueued(true));
  EXPECT_TRUE(WaitForQueued(false));
  EXPECT_LT(slow.HearAll().size(), kLarge);
}

TEST_F(QueuedAnswers, AStreamThatNobodyReadsEndsAtTheLimit) {
  HttpServerOptions options;
  options.metrics = &registry_;
  options.limits.queued_answer_bytes_max = 20 * kMiB;
  options.limits.idle_time_max = options.limits.body_grace = milliseconds(30'000);
  std::shared_ptr<ResponseWriter> held;
  Flag closed;
  Serve(
      [&](HttpRequest, std::shared_ptr<ResponseWriter> writer) {
        held = writer;
        writer->Begin(200, {});
        writer->OnClosed([&] { closed.Set(); });
        for (int i = 0; i < 64; ++i) writer->Write(Slice::FromString(std::string(kMiB, 'x')));
        EXPECT_LE(writer->QueuedBytes(), 21 * kMiB);
      },
      options);
  RawClient client(port_);
  client.Say(kGet);
  EXPECT_TRUE(closed.Wait());
  Http2TestClient http2(port_, {.open_windows = false});
  const int32_t stream = http2.Submit("GET", "/", "");
  ASSERT_TRUE(http2.RunUntilClosed(stream));
  EXPECT_NE(http2.answer(stream).error_code, 0U);
  server_->Stop(milliseconds(0));
  held = nullptr;
}

}  // namespace
}  // namespace millrace::net
