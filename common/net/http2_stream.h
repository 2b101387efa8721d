#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/net/body_clock.h"
#include "common/net/buffer_pool.h"
#include "common/net/http1_parser.h"
#include "common/net/http_types.h"

namespace millrace::net {

class Http2Writer;

// One HTTP/2 stream from its HEADERS to its close: the request as it is received, then the answer
// as it is sent. Owned by the Http2Session, on its executor.
struct Http2Stream {
  explicit Http2Stream(int32_t stream_id) : id(stream_id) {}
  const int32_t id;

  // The request. Header text is kept in one string, which the request takes along.
  struct Field {
    size_t name_begin;
    size_t name_size;
    size_t value_size;  // stands behind the name
  };
  std::string header_text;
  std::vector<Field> fields;
  size_t header_list_size = 0;  // as RFC 9113 counts it
  bool head_complete = false;
  bool receiving = true;  // the client has not ended its side
  Refusal refusal;        // found in the head, or in the body before the handler sees it
  HttpRequest request;
  std::optional<uint64_t> content_length;
  SlabRef body;
  size_t body_received = 0;
  size_t body_bytes_max = 0;
  BodyClock body_clock;

  // The answer.
  Http2Writer* writer = nullptr;
  bool answering = false;  // HEADERS are submitted
  bool head_only = false;
  std::deque<Slice> queue;
  size_t queued_bytes = 0;   // in `queue`
  size_t sending_bytes = 0;  // in the connection's output
  bool ended = false;        // nothing is added to `queue` any more
  bool deferred = false;     // nghttp2 waits for more
  MonoTime sent_last{};
};

}  // namespace millrace::net
