#include "common/net/http1_parser.h"

#include <gtest/gtest.h>

#include "common/net/chunked_decoder.h"

namespace millrace::net {
namespace {

constexpr HeadLimits kLimits{200, 4, 40};

struct Scanned {
  size_t size = 0;
  int status = 0;
};

// Feeds `text` up to each of its bytes in turn, as the slowest client would send it.
Scanned ScanByteByByte(std::string_view text) {
  HeadScanner scanner(kLimits);
  for (size_t known = 1; known <= text.size(); ++known) {
    const size_t size = scanner.Scan(text.substr(0, known));
    if (size > 0 || scanner.refusal().status != 0) return {size, scanner.refusal().status};
  }
  return {};
}

Scanned ScanAtOnce(std::string_view text) {
  HeadScanner scanner(kLimits);
  const size_t size = scanner.Scan(text);
  return {size, scanner.refusal().status};
}

TEST(HeadScanner, FindsTheEndHoweverTheBytesArrive) {
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string& rest : {std::string(), std::string("GET /"), std::string("\r\n\r\n")}) {
    EXPECT_EQ(ScanAtOnce(head + rest).size, head.size());
    EXPECT_EQ(ScanByteByByte(head + rest).size, head.size());
  }
}

TEST(HeadScanner, RefusesTheSameHoweverTheBytesArrive) {
  const std::string line = "GET / HTTP/1.1\r\n";
  struct {
    std::string text;
    int status;
  } cases[] = {
      {"GET / HTTP/1.1\n", 400},
      {line + "Host: h\n", 400},
      {line + "\n", 400},
      {"\r\n", 400},
      {"GET /" + std::string(40, 'x'), 414},
      {"GET /" + std::string(40, 'x') + "\r\n", 414},
      {line + "X: " + std::string(300, 'x'), 431},
      {line + "X: " + std::string(300, 'x') + "\r\n\r\n", 431},
      {line + "A: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n", 431},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(ScanAtOnce(c.text).status, c.status) << c.text;
    EXPECT_EQ(ScanByteByByte(c.text).status, c.status) << c.text;
  }
  EXPECT_EQ(ScanAtOnce(line + "A: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n").status, 0);
}

TEST(ParseHead, TakesTheHeadApart) {
  Http1Head head;
  ASSERT_EQ(ParseHead("PUT /a/b?c=d HTTP/1.1\r\nHost: h:1\r\nExpect: 100-Continue\r\n"
                      "Content-Length: 0012\r\nConnection: keep-alive, Close\r\nX:\t a b \r\n\r\n",
                      head)
                .status,
            0);
  EXPECT_EQ(head.request.method, "PUT");
  EXPECT_EQ(head.request.target, "/a/b?c=d");
  EXPECT_EQ(head.request.path, "/a/b");
  EXPECT_EQ(head.request.query, "c=d");
  EXPECT_EQ(head.request.authority, "h:1");
  EXPECT_EQ(head.request.FindHeader("x"), "a b");
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_TRUE(head.expect_continue);
  EXPECT_TRUE(head.close);
  EXPECT_FALSE(head.chunked);
}

TEST(ParseHead, FindsAControlCharacterAnywhereInAValue) {
  for (int c = 0; c < 256; ++c) {
    for (size_t at = 0; at < 20; ++at) {
      std::string value(20, 'v');
      value[at] = static_cast<char>(c);
      // At its ends a tab is trimmed, and a line end would end the header.
      if (c == '\r' || c == '\n') continue;
      Http1Head head;
      const int status =
          ParseHead("GET / HTTP/1.1\r\nHost: h\r\nX: " + value + "\r\n\r\n", head).status;
      const bool control = (c < 0x20 && c != '\t') || c == 0x7f;
      EXPECT_EQ(status, control ? 400 : 0) << c << " at " << at;
    }
  }
}

// The body that comes out of `text` in pieces of `piece` bytes, or "!" when it is refused, or "?"
// when it is not complete.
std::string Decode(std::string_view text, size_t piece) {
  ChunkedDecoder decoder;
  std::string body;
  std::string waiting;
  while (!text.empty() && !decoder.finished()) {
    waiting += text.substr(0, piece);
    text.remove_prefix(std::min(piece, text.size()));
    while (true) {
      ChunkedDecoder::Piece next = decoder.Next(waiting);
      if (decoder.refused()) return "!";
      body += next.data;
      waiting.erase(0, next.consumed);
      if (next.consumed == 0 || decoder.finished()) break;
    }
  }
  return decoder.finished() ? body : "?";
}

TEST(ChunkedDecoder, GivesTheSameHoweverTheBytesArrive) {
  struct {
    std::string_view text;
    std::string_view body;
  } cases[] = {
      {"0\r\n\r\n", ""},
      {"3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"3;e=\"x\"\r\nabc\r\n000A\r\n0123456789\r\n0\r\nT: v\r\nU:\r\n\r\n", "abc0123456789"},
      {"3\r\nabc\r\n0\r\n", "?"},
      {"3\r\nab", "?"},
      {"3\r\nabcd\r\n0\r\n\r\n", "!"},
      {"3\r\nabc\rX0\r\n\r\n", "!"},
      {"g\r\n", "!"},
      {"\r\n", "!"},
      {"-1\r\n", "!"},
      {"1 \r\na\r\n0\r\n\r\n", "!"},
      {"ffffffffffffffff\r\n", "!"},
      {"1\na\r\n0\r\n\r\n", "!"},
      {"0\r\nbad trailer\r\n\r\n", "!"},
      {"0\r\n : x\r\n\r\n", "!"},
  };
  for (const auto& c : cases) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
      EXPECT_EQ(Decode(c.text, piece), c.body) << c.text << " by " << piece;
    }
  }
}

TEST(ChunkedDecoder, BoundsExtensionsAndTrailers) {
  EXPECT_EQ(Decode("1;" + std::string(1000, 'x') + "\r\na\r\n0\r\n\r\n", 64), "a");
  EXPECT_EQ(Decode("1;" + std::string(1030, 'x') + "\r\na\r\n0\r\n\r\n", 64), "!");
  EXPECT_EQ(Decode("1;" + std::string(100'000, 'x'), 64), "!");
  std::string trailers = "0\r\n";
  for (int i = 0; i < 100; ++i) trailers += "T: " + std::string(100, 'x') + "\r\n";
  EXPECT_EQ(Decode(trailers + "\r\n", 64), "!");
}

// Found by http1_request_fuzz: a line a byte or two over its limit was taken where it arrived
// whole.
TEST(ChunkedDecoder, TheLengthOfALineIsJudgedTheSameHoweverItArrives) {
  for (size_t value = 980; value <= 1060; ++value) {
    const std::string trailer = "0\r\nT: " + std::string(value, 'x') + "\r\n\r\n";
    const std::string size_line = "1;" + std::string(value, 'x') + "\r\na\r\n0\r\n\r\n";
    for (const std::string& text : {trailer, size_line}) {
      const std::string whole = Decode(text, text.size());
      for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{5}, size_t{64}}) {
        EXPECT_EQ(Decode(text, piece), whole) << value << " by " << piece;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::net
