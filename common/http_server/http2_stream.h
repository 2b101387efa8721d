#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/http_server/answer_budget.h"
#include "common/net/buffer_pool.h"
#include "common/net/http1_parser.h"
#include "common/net/http_types.h"
#include "common/net/progress_clock.h"

namespace millrace::net {

class Http2Writer;

// One HTTP/2 stream from its HEADERS to its close: the request as it is received, then the answer
// as it is sent. Owned by the Http2Session, on its executor.
struct Http2Stream {
  Http2Stream(int32_t stream_id, std::shared_ptr<BufferPool> pool, AnswerBudget& answers)
      : id(stream_id), header(std::make_shared<HeaderBlock>(std::move(pool))), charge(answers) {}
  const int32_t id;

  // The request. Header text is kept in one block, which the request takes along.
  struct HeaderBlock {
    explicit HeaderBlock(std::shared_ptr<BufferPool> pool) : charge(std::move(pool)) {}
    std::string text;
    PoolCharge charge;
  };
  struct Field {
    size_t name_begin;
    size_t name_size;
    size_t value_size;  // stands behind the name
  };
  std::shared_ptr<HeaderBlock> header;
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
  ProgressClock body_clock;

  // The answer.
  Http2Writer* writer = nullptr;
  bool answering = false;  // HEADERS are submitted
  bool head_only = false;
  std::deque<Slice> queue;
  size_t queued_bytes = 0;   // in `queue`
  AnswerCharge charge;       // for `queue`
  size_t sending_bytes = 0;  // in the connection's output
  bool ended = false;        // nothing is added to `queue` any more
  bool deferred = false;     // nghttp2 waits for more
  uint64_t sent_bytes = 0;
  ProgressClock send_clock;  // while something is queued
};

}  // namespace millrace::net
