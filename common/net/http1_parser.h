#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/net/http_types.h"

namespace millrace::net {

// Why a request is refused: the status to answer and a sentence that tells the client.
struct Refusal {
  int status = 0;
  std::string_view message;  // a constant
};

struct HeadLimits {
  size_t header_bytes_max;
  size_t header_fields_max;
  size_t request_line_bytes_max;
};

// Finds the end of a request head in bytes that arrive in pieces, looking at each byte once, and
// refuses one that can't become valid (a bare LF) or is past the limits before it is complete.
class HeadScanner {
 public:
  explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}
  // `data` starts where the head starts and has grown since the last call. The head's size with its
  // final CRLF CRLF once it is complete, 0 before that.
  size_t Scan(std::string_view data);
  // Set when Scan gave up: status is not 0.
  const Refusal& refusal() const { return refusal_; }
  void Reset() { *this = HeadScanner(limits_); }

 private:
  size_t Refuse(int status, std::string_view message);

  HeadLimits limits_;
  size_t line_begin_ = 0;
  size_t scanned_ = 0;
  size_t lines_ = 0;
  size_t request_line_size_ = 0;
  Refusal refusal_;
};

// POST, GET, HEAD, PUT, DELETE, OPTIONS, PATCH; case matters.
bool IsKnownMethod(std::string_view method);

// A request head as RFC 9112 frames it. Views point into the parsed bytes.
struct Http1Head {
  HttpRequest request;
  int minor_version = 1;
  std::optional<uint64_t> content_length;
  bool chunked = false;
  bool close = false;  // the client asks for it, or speaks HTTP/1.0
  bool expect_continue = false;
};

// Parses a complete head (as HeadScanner measured it). Strict where leniency lets a request be
// understood in two ways: whitespace before a colon, folded or repeated framing headers, any
// Transfer-Encoding but "chunked", both framings at once, control characters. A status other than 0
// refuses it.
Refusal ParseHead(std::string_view bytes, Http1Head& head);

}  // namespace millrace::net
