#include "tests/common/http_server/http2_test_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace millrace::net {
namespace {

Http2TestClient::Answer& AnswerOf(void* user_data, int32_t stream) {
  return static_cast<Http2TestClient*>(user_data)->answer(stream);
}

nghttp2_nv Field(const std::pair<std::string, std::string>& field) {
  auto bytes = [](const std::string& s) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(s.data()));
  };
  return {bytes(field.first), bytes(field.second), field.first.size(), field.second.size(),
          NGHTTP2_NV_FLAG_NONE};
}

int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
  std::string text(reinterpret_cast<const char*>(value), value_size);
  std::string key(reinterpret_cast<const char*>(name), name_size);
  Http2TestClient::Answer& answer = AnswerOf(user_data, frame->hd.stream_id);
  if (key == ":status" && text[0] == '1') {
    answer.informational.push_back(std::stoi(text));
  } else if (key == ":status") {
    answer.status = std::stoi(text);
  } else {
    answer.headers[key] = text;
  }
  return 0;
}

}  // namespace

Http2TestClient::Http2TestClient(uint16_t port, Options options) : socket_(port) {
  if (options.tls) {
    context_ = SSL_CTX_new(TLS_client_method());
    ssl_ = SSL_new(context_);
    if (!options.alpn.empty()) {
      std::string wire = static_cast<char>(options.alpn.size()) + options.alpn;
      SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(wire.data()),
                          static_cast<unsigned int>(wire.size()));
    }
    SSL_set_fd(ssl_, socket_.fd());
    EXPECT_EQ(SSL_connect(ssl_), 1);
  }
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  InstallCallbacks(callbacks);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  if (!options.open_windows) nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
}

Http2TestClient::~Http2TestClient() {
  nghttp2_session_del(session_);
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

void Http2TestClient::InstallCallbacks(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_header_callback(callbacks, OnHeader);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                    void* user_data) {
        AnswerOf(user_data, stream).body.append(reinterpret_cast<const char*>(data), size);
        return 0;
      });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, int32_t stream, uint32_t error_code, void* user_data) {
        AnswerOf(user_data, stream).closed = true;
        AnswerOf(user_data, stream).error_code = error_code;
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
        auto* client = static_cast<Http2TestClient*>(user_data);
        if (frame->hd.type != NGHTTP2_GOAWAY) return 0;
        client->gone_away_ = true;
        client->goaway_code_ = frame->goaway.error_code;
        return 0;
      });
}

ssize_t Http2TestClient::ReadBody(nghttp2_session*, int32_t stream, uint8_t* out, size_t size,
                                  uint32_t* flags, nghttp2_data_source*, void* user_data) {
  Body& body = static_cast<Http2TestClient*>(user_data)->bodies_[stream];
  size_t part = std::min(size, body.data.size() - body.sent);
  std::memcpy(out, body.data.data() + body.sent, part);
  body.sent += part;
  if (body.sent < body.data.size()) return static_cast<ssize_t>(part);
  if (body.end) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  } else if (part == 0) {
    return NGHTTP2_ERR_DEFERRED;
  }
  return static_cast<ssize_t>(part);
}

int32_t Http2TestClient::Submit(const std::string& method, const std::string& path,
                                std::string body, Headers headers, bool end) {
  headers.insert(headers.begin(),
                 {{":method", method}, {":scheme", "http"}, {":path", path}, {":authority", "h"}});
  std::vector<nghttp2_nv> fields;
  for (const auto& field : headers) fields.push_back(Field(field));
  nghttp2_data_provider provider{};
  provider.read_callback = &ReadBody;
  const bool has_body = !body.empty() || !end;
  const int32_t stream = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                                has_body ? &provider : nullptr, nullptr);
  bodies_[stream] = {std::move(body), 0, end};
  return stream;
}

void Http2TestClient::Continue(int32_t stream, std::string_view more, bool end) {
  bodies_[stream].data += more;
  bodies_[stream].end = end;
  nghttp2_session_resume_data(session_, stream);
}

void Http2TestClient::SayRaw(std::string_view bytes) {
  if (ssl_ == nullptr) return socket_.Say(bytes);
  SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
}

void Http2TestClient::Flush() {
  const uint8_t* data = nullptr;
  while (true) {
    ssize_t size = nghttp2_session_mem_send(session_, &data);
    if (size <= 0) return;
    SayRaw({reinterpret_cast<const char*>(data), static_cast<size_t>(size)});
  }
}

bool Http2TestClient::ReceiveOnce() {
  uint8_t data[65536];
  if (ssl_ == nullptr || SSL_has_pending(ssl_) == 0) {
    pollfd poll_fd{socket_.fd(), POLLIN, 0};
    if (::poll(&poll_fd, 1, 20) == 0) return true;
  }
  ssize_t size = ssl_ == nullptr ? ::recv(socket_.fd(), data, sizeof data, 0)
                                 : SSL_read(ssl_, data, sizeof data);
  if (size <= 0) {
    at_end_ = true;
    return false;
  }
  return nghttp2_session_mem_recv(session_, data, static_cast<size_t>(size)) >= 0;
}

bool Http2TestClient::RunUntil(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  Flush();
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline || !ReceiveOnce()) return done();
    Flush();
  }
  return true;
}

bool Http2TestClient::RunUntilClosed(int32_t stream) {
  return RunUntil([&] { return answer(stream).closed; });
}

void Http2TestClient::Reset(int32_t stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  Flush();
}

void Http2TestClient::Ping() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  Flush();
}

void Http2TestClient::OpenWindow(int32_t stream, int32_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, 0, bytes);
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream, bytes);
  Flush();
}

uint32_t Http2TestClient::streams_max() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

std::string Http2TestClient::Negotiated() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace millrace::net
