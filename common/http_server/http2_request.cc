// The part of Http2Session that receives requests.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>

#include "common/http_server/http2_session.h"
#include "common/net/ascii.h"
#include "common/net/http_status.h"

namespace millrace::net {
namespace {

// What RFC 9113 adds to a field's name and value when it counts a header list.
constexpr size_t kFieldOverhead = 32;
constexpr size_t kDigitsMax = 18;
constexpr Refusal kOutOfMemory{503, "Too many requests are being received."};

uint64_t ParseLength(std::string_view digits) {
  uint64_t length = 0;
  // nghttp2 let only digits through.
  for (char c : digits.substr(0, kDigitsMax)) length = length * 10 + static_cast<uint64_t>(c - '0');
  return length;
}

}  // namespace

Http2Stream* Http2Session::Find(int32_t stream_id) {
  auto it = streams_.find(stream_id);
  return it == streams_.end() ? nullptr : it->second.get();
}

void Http2Session::BeginStream(int32_t stream_id) {
  // Streams that were reset while their handlers work don't count against the client's limit of
  // streams, but they do against ours.
  if (writers_.size() > 2 * connection_.context().options.limits.http2_streams_max) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream_id, NGHTTP2_REFUSED_STREAM);
    return;
  }
  ServerContext& context = connection_.context();
  streams_.try_emplace(stream_id,
                       std::make_unique<Http2Stream>(stream_id, context.pool, context.answers));
}

void Http2Session::AddField(Http2Stream& stream, std::string_view name, std::string_view value) {
  const HttpServerLimits& limits = connection_.context().options.limits;
  stream.header_list_size += name.size() + value.size() + kFieldOverhead;
  const bool too_large = stream.header_list_size > limits.header_bytes_max ||
                         stream.fields.size() >= limits.header_fields_max;
  if (stream.head_complete) {
    if (too_large) ResetStream(stream);
    return;  // a trailer, which nobody reads
  }
  if (stream.refusal.status != 0) return;
  if (name == ":method") stream.head_only = value == "HEAD";
  std::string& text = stream.header->text;
  if (too_large) {
    stream.refusal = {431, "The headers are too large."};
  } else if (!stream.header->charge.Cover(text.size() + name.size() + value.size())) {
    // A few bytes on the wire may name a field of kilobytes.
    stream.refusal = kOutOfMemory;
  }
  if (stream.refusal.status != 0) {
    stream.header = nullptr;
    stream.fields = {};
    return;
  }
  stream.fields.push_back({text.size(), name.size(), value.size()});
  text.append(name).append(value);
}

void Http2Session::CompleteHead(Http2Stream& stream) {
  stream.head_complete = true;
  if (stream.refusal.status != 0) return Refuse(stream);
  HttpRequest& request = stream.request;
  const std::shared_ptr<const Http2Stream::HeaderBlock> header = std::move(stream.header);
  std::string_view expect;
  std::string_view host;
  request.headers.reserve(stream.fields.size());
  for (const Http2Stream::Field& field : stream.fields) {
    const std::string_view name(header->text.data() + field.name_begin, field.name_size);
    const std::string_view value(name.data() + name.size(), field.value_size);
    if (name == ":method") {
      request.method = value;
    } else if (name == ":path") {
      request.target = value;
    } else if (name == ":authority") {
      request.authority = value;
    } else if (!name.starts_with(':')) {
      request.headers.push_back({name, value});
      if (name == "expect") expect = value;
      if (name == "host") host = value;
      if (name == "content-length") stream.content_length = ParseLength(value);
    }
  }
  stream.fields = {};
  const size_t question = request.target.find('?');
  request.path = request.target.substr(0, question);
  if (question != std::string_view::npos) request.query = request.target.substr(question + 1);
  if (request.authority.empty()) request.authority = host;
  request.version = HttpVersion::kHttp2;
  request.tls = connection_.encrypted();
  request.peer = connection_.peer();
  request.storage = header;
  CheckHead(stream, expect);
  if (stream.refusal.status != 0) Refuse(stream);
}

void Http2Session::CheckHead(Http2Stream& stream, std::string_view expect) {
  ServerContext& context = connection_.context();
  const HttpRequest& request = stream.request;
  stream.body_clock.Start(CoarseNow(), 0);
  if (!IsKnownMethod(request.method)) {
    stream.refusal = {501, "This method is not implemented."};
  } else if (request.target.size() > context.options.limits.request_line_bytes_max) {
    stream.refusal = {414, "The request line is too long."};
  } else if (request.target.find('#') != std::string_view::npos) {
    stream.refusal = {400, "The request target is malformed."};
  } else if (!expect.empty() && !EqualsIgnoringCase(expect, "100-continue")) {
    stream.refusal = {417, "Expect can only be 100-continue."};
  }
  if (stream.refusal.status != 0) return;
  stream.body_bytes_max = context.BodyBytesMax(request);
  if (stream.content_length.value_or(0) > stream.body_bytes_max) {
    stream.refusal = {413, "The request body is too large."};
  } else if (!expect.empty()) {
    static uint8_t name[] = ":status";
    static uint8_t value[] = "100";
    const nghttp2_nv status = {name, value, 7, 3, NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &status, 1, nullptr);
  }
}

// Memory is taken when the first byte comes: all of it when the length is known, else by doubling.
void Http2Session::AppendToBody(Http2Stream& stream, const uint8_t* data, size_t size) {
  if (stream.refusal.status != 0) return;
  if (size > stream.body_bytes_max - stream.body_received) {
    stream.refusal = {413, "The request body is too large."};
    return Refuse(stream);
  }
  const size_t capacity = stream.body == nullptr ? 0 : stream.body->capacity();
  const size_t needed = stream.body_received + size;
  if (needed > capacity) {
    const size_t known = static_cast<size_t>(stream.content_length.value_or(0));
    SlabRef larger = connection_.context().pool->Take(std::max({needed, 2 * capacity, known}));
    if (larger == nullptr) {
      stream.refusal = kOutOfMemory;
      return Refuse(stream);
    }
    if (capacity > 0) std::memcpy(larger->data(), stream.body->data(), stream.body_received);
    stream.body = std::move(larger);
  }
  std::memcpy(stream.body->data() + stream.body_received, data, size);
  stream.body_received = needed;
}

void Http2Session::EndRequest(Http2Stream& stream) {
  if (!stream.receiving) return;
  stream.receiving = false;
  if (stream.refusal.status == 0) complete_.push_back(stream.id);
}

void Http2Session::Refuse(Http2Stream& stream) {
  connection_.context().metrics.CountRefused(RefusalReason(stream.refusal.status));
  stream.body = nullptr;
  stream.request = HttpRequest();
  std::string body = ErrorBody(stream.refusal.status, stream.refusal.message);
  const size_t size = body.size();
  Queue(stream, Slice::FromString(std::move(body)));
  stream.ended = true;
  SubmitResponse(stream, stream.refusal.status, {{"content-type", std::string(kErrorContentType)}},
                 size);
}

void Http2Session::CloseStream(int32_t stream_id) {
  auto it = streams_.find(stream_id);
  if (it == streams_.end()) return;
  if (Http2Writer* writer = it->second->writer) {
    writer->StreamClosed();
    if (auto alive = writer->weak_from_this().lock()) lost_.push_back(alive);
  }
  streams_.erase(it);
  active_last_ = CoarseNow();
}

}  // namespace millrace::net
