#include "common/http_server/http2_callbacks.h"

#include <nghttp2/nghttp2.h>

#include "common/base/bytes.h"
#include "common/http_server/http2_session.h"

namespace millrace::net {
namespace {

// A stream's window lets one large request through without a pause, the connection's several of
// them.
constexpr int32_t kStreamWindow = 2 * kMiB;
constexpr int32_t kConnectionWindow = 16 * kMiB;
constexpr uint32_t kFrameSizeMax = kMiB;
constexpr size_t kSentFrameSizeMax = 256 * kKiB;
// CVE-2023-44487: resets in a row, and per second after them.
constexpr uint64_t kResetBurst = 1000;
constexpr uint64_t kResetsPerSecond = 33;
constexpr size_t kUnsentAnswersMax = 1000;  // to pings and settings

Http2Session& Owner(void* user_data) { return *static_cast<Http2Session*>(user_data); }

int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
  Owner(user_data).FrameBegins(head->type);
  return 0;
}

int OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user_data) {
  Owner(user_data).HeaderBlockEnded();
  Owner(user_data).SpendOnFrame();
  return 0;
}

int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    Owner(user_data).BeginStream(frame->hd.stream_id);
  }
  return 0;
}

int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
  Http2Session& owner = Owner(user_data);
  if (Http2Stream* stream = owner.Find(frame->hd.stream_id)) {
    owner.AddField(*stream, {reinterpret_cast<const char*>(name), name_size},
                   {reinterpret_cast<const char*>(value), value_size});
  }
  return 0;
}

// Frames that a client sends now and then, and an attacker all the time.
bool CostsMoreThanItsSender(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_PING:
    case NGHTTP2_SETTINGS:
    case NGHTTP2_PRIORITY:
    case NGHTTP2_RST_STREAM:
      return true;
    case NGHTTP2_DATA:
      return frame.hd.length == 0 && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0;
    default:
      return false;
  }
}

int OnFrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  Http2Session& owner = Owner(user_data);
  owner.FrameReceived();
  if (CostsMoreThanItsSender(*frame)) owner.SpendOnFrame();
  if (frame->hd.type == NGHTTP2_HEADERS) owner.HeaderBlockEnded();
  Http2Stream* stream = owner.Find(frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    owner.CompleteHead(*stream);
  }
  if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    owner.EndRequest(*stream);
  }
  return 0;
}

int OnDataChunk(nghttp2_session*, uint8_t, int32_t stream_id, const uint8_t* data, size_t size,
                void* user_data) {
  Http2Session& owner = Owner(user_data);
  if (Http2Stream* stream = owner.Find(stream_id)) owner.AppendToBody(*stream, data, size);
  return 0;
}

int OnStreamClose(nghttp2_session*, int32_t stream_id, uint32_t, void* user_data) {
  Owner(user_data).CloseStream(stream_id);
  return 0;
}

int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
  Http2Session& owner = Owner(user_data);
  // A reset that the peer provoked by breaking the rules.
  if (frame->hd.type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) {
    owner.SpendOnFrame();
  }
  if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
      (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
    if (Http2Stream* stream = owner.Find(frame->hd.stream_id)) owner.ResponseSent(*stream);
  }
  return 0;
}

ssize_t DataFrameSizeMax(nghttp2_session*, uint8_t, int32_t, int32_t connection_window,
                         int32_t stream_window, uint32_t peer_frame_size_max, void*) {
  const int64_t window = std::min(connection_window, stream_window);
  const int64_t size = std::min<int64_t>(peer_frame_size_max, kSentFrameSizeMax);
  return static_cast<ssize_t>(std::min(window, size));
}

int SendData(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_head, size_t size,
             nghttp2_data_source* source, void* user_data) {
  Owner(user_data).SendData(*static_cast<Http2Stream*>(source->ptr), frame_head, size);
  return 0;
}

nghttp2_session_callbacks* Callbacks() {
  // Lives as long as the process.
  static nghttp2_session_callbacks* callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    CHECK(nghttp2_session_callbacks_new(&made) == 0);
    nghttp2_session_callbacks_set_on_begin_frame_callback(made, OnBeginFrame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, OnInvalidFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrameReceived);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnDataChunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, OnStreamClose);
    nghttp2_session_callbacks_set_on_frame_send_callback(made, OnFrameSent);
    nghttp2_session_callbacks_set_data_source_read_length_callback(made, DataFrameSizeMax);
    nghttp2_session_callbacks_set_send_data_callback(made, SendData);
    return made;
  }();
  return callbacks;
}

nghttp2_option* Options() {
  static nghttp2_option* options = [] {
    nghttp2_option* made = nullptr;
    CHECK(nghttp2_option_new(&made) == 0);
    nghttp2_option_set_stream_reset_rate_limit(made, kResetBurst, kResetsPerSecond);
    nghttp2_option_set_max_outbound_ack(made, kUnsentAnswersMax);
    nghttp2_option_set_no_closed_streams(made, 1);  // nobody depends on them: no priorities
    return made;
  }();
  return options;
}

}  // namespace

nghttp2_session* MakeNghttp2Session(Http2Session& owner, const HttpServerLimits& limits) {
  nghttp2_session* session = nullptr;
  CHECK(nghttp2_session_server_new2(&session, Callbacks(), &owner, Options()) == 0);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(limits.http2_streams_max)},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, kFrameSizeMax},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_bytes_max)},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  CHECK(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) == 0);
  CHECK(nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) ==
        0);
  return session;
}

}  // namespace millrace::net
