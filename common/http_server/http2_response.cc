// The part of Http2Session that sends answers.
#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "common/http_server/http2_session.h"
#include "common/net/ascii.h"
#include "common/net/response_head.h"

namespace millrace::net {
namespace {

// Names and values of a head in one string, and nghttp2's view of it.
class HeadBlock {
 public:
  void Add(std::string_view name, std::string_view value) {
    places_.push_back({text_.size(), name.size(), value.size()});
    for (char c : name) text_ += LowerCase(c);
    AppendFieldValue(value, text_);
  }

  std::vector<nghttp2_nv> Fields() {
    std::vector<nghttp2_nv> fields;
    fields.reserve(places_.size());
    auto* text = reinterpret_cast<uint8_t*>(text_.data());
    for (const Place& place : places_) {
      uint8_t* name = text + place.begin;
      fields.push_back(
          {name, name + place.name_size, place.name_size, place.value_size, NGHTTP2_NV_FLAG_NONE});
    }
    return fields;
  }

 private:
  struct Place {
    size_t begin;
    size_t name_size;
    size_t value_size;
  };
  std::string text_;
  std::vector<Place> places_;
};

ssize_t ReadData(nghttp2_session*, int32_t, uint8_t*, size_t size_max, uint32_t* flags,
                 nghttp2_data_source* source, void* user_data) {
  bool last = false;
  const ssize_t size = static_cast<Http2Session*>(user_data)->NextDataSize(
      *static_cast<Http2Stream*>(source->ptr), size_max, &last);
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (last) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return size;
}

}  // namespace

void Http2Session::SubmitResponse(Http2Stream& stream, int status,
                                  const std::vector<OwnedHeader>& headers,
                                  std::optional<size_t> body_size) {
  ServerContext& context = connection_.context();
  context.metrics.CountAnswer(status);
  HeadBlock head;
  head.Add(":status", std::to_string(status));
  head.Add("server", context.options.server_name);
  head.Add("date", connection_.worker().DateHeader());
  const bool no_body = HasNoBody(status);
  if (body_size.has_value() && !no_body) head.Add("content-length", std::to_string(*body_size));
  for (const auto& [name, value] : headers) {
    if (!IsSetByServer(name)) head.Add(name, TrimBlanks(value));
  }
  stream.head_only |= no_body;
  if (stream.head_only) {
    stream.queue.clear();
    stream.queued_bytes = 0;
    stream.charge.Set(0);
  }
  const bool has_data = !stream.head_only && !(stream.ended && stream.queued_bytes == 0);
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = ReadData;
  const std::vector<nghttp2_nv> fields = head.Fields();
  stream.answering = true;
  if (nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(),
                              has_data ? &provider : nullptr) != 0) {
    ResetStream(stream);
  }
  ScheduleFlush();
}

void Http2Session::Queue(Http2Stream& stream, Slice data) {
  if (data.empty()) return;
  if (stream.queued_bytes == 0) stream.send_clock.Start(CoarseNow(), stream.sent_bytes);
  stream.queued_bytes += data.size();
  stream.charge.Set(stream.queued_bytes);
  stream.queue.push_back(std::move(data));
}

void Http2Session::Resume(Http2Stream& stream) {
  if (!std::exchange(stream.deferred, false)) return;
  nghttp2_session_resume_data(session_, stream.id);
  ScheduleFlush();
}

void Http2Session::ResetStream(Http2Stream& stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
  ScheduleFlush();
}

void Http2Session::Forget(Http2Writer& writer, Http2Stream* stream) {
  writers_.erase(&writer);
  if (stream != nullptr) stream->writer = nullptr;
}

ssize_t Http2Session::NextDataSize(Http2Stream& stream, size_t size_max, bool* last) {
  if (stream.queued_bytes == 0 && !stream.ended) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t size = std::min(size_max, stream.queued_bytes);
  *last = stream.ended && size == stream.queued_bytes;
  return static_cast<ssize_t>(size);
}

void Http2Session::SendData(Http2Stream& stream, const uint8_t* frame_head, size_t size) {
  constexpr size_t kFrameHeadSize = 9;
  OutQueue& out = connection_.out();
  out.Copy({reinterpret_cast<const char*>(frame_head), kFrameHeadSize});
  CHECK(size <= stream.queued_bytes);
  if (size > 0 && stream.sending_bytes == 0) sending_.push_back(stream.id);
  stream.queued_bytes -= size;
  stream.charge.Set(stream.queued_bytes);
  stream.sending_bytes += size;
  stream.sent_bytes += size;
  while (size > 0) {
    Slice& front = stream.queue.front();
    const size_t part = std::min(size, front.size());
    size -= part;
    if (part == front.size()) {
      out.Append(std::move(front));
      stream.queue.pop_front();
    } else {
      out.Append(front.Sub(0, part));
      front = front.Sub(part, front.size() - part);
    }
  }
}

// The answer came before the whole request: says that the rest is not needed.
void Http2Session::ResponseSent(Http2Stream& stream) {
  if (!stream.receiving) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR);
}

}  // namespace millrace::net
