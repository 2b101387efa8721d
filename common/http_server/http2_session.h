#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/http_server/connection.h"
#include "common/http_server/http2_stream.h"
#include "common/http_server/http2_writer.h"
#include "common/http_server/session.h"

struct nghttp2_session;

namespace millrace::net {

// Credit for frames that cost us more than their sender: pings, settings, resets. A value.
class FrameBudget {
 public:
  // False when the peer sends more of them than any client does.
  bool Spend(MonoTime now);

 private:
  static constexpr double kBurst = 1000;
  static constexpr double kPerSecond = 100;
  double credit_ = kBurst;
  MonoTime refilled_{};
};

// HTTP/2 on one connection, framed by nghttp2. Requests are given to the handler when they are
// complete, after the input they came with is worked through; answers of the same turn leave in one
// write. On the connection's executor.
class Http2Session final : public Session {
 public:
  explicit Http2Session(Connection& connection);
  ~Http2Session() override;

  void Start(InputBuffer received) override;
  void OnReadable() override;
  void OnDrained() override;
  void OnTick(MonoTime now) override;
  void Drain() override;
  void OnClosed() override;

  // For writers. A response without `body_size` is streamed.
  void SubmitResponse(Http2Stream& stream, int status, const std::vector<OwnedHeader>& headers,
                      std::optional<size_t> body_size);
  void Queue(Http2Stream& stream, Slice data);
  // Goes on sending after Queue or `ended`.
  void Resume(Http2Stream& stream);
  void ResetStream(Http2Stream& stream);
  // The writer needs nothing any more.
  void Forget(Http2Writer& writer, Http2Stream* stream);

  // For nghttp2's callbacks (http2_callbacks.cc).
  Http2Stream* Find(int32_t stream_id);
  void BeginStream(int32_t stream_id);
  void AddField(Http2Stream& stream, std::string_view name, std::string_view value);
  void CompleteHead(Http2Stream& stream);
  void AppendToBody(Http2Stream& stream, const uint8_t* data, size_t size);
  void EndRequest(Http2Stream& stream);
  void CloseStream(int32_t stream_id);
  ssize_t NextDataSize(Http2Stream& stream, size_t size_max, bool* last);
  void SendData(Http2Stream& stream, const uint8_t* frame_head, size_t size);
  void ResponseSent(Http2Stream& stream);
  void FrameBegins(uint8_t type);
  void HeaderBlockEnded() { header_block_since_.reset(); }
  void FrameReceived() { active_last_ = CoarseNow(); }
  void SpendOnFrame();

 private:
  bool Receive(const uint8_t* data, size_t size);
  void FinishTurn(bool more);
  void Refuse(Http2Stream& stream);
  void CheckHead(Http2Stream& stream, std::string_view expect);
  void Dispatch();
  void ScheduleFlush();
  void Flush();
  void NoteSent();
  void NotifyWriters();
  void EndIfDone();
  void Terminate(uint32_t error_code, const std::string& reason);
  void CheckStream(Http2Stream& stream, MonoTime now);

  Connection& connection_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, std::unique_ptr<Http2Stream>> streams_;
  std::unordered_set<Http2Writer*> writers_;  // also those whose stream is gone
  std::vector<int32_t> complete_;             // to be given to the handler
  std::vector<int32_t> sending_;              // streams with bytes in the connection's output
  std::vector<std::shared_ptr<Http2Writer>> drained_;
  std::vector<std::shared_ptr<Http2Writer>> lost_;
  FrameBudget budget_;
  MonoTime active_last_;
  std::optional<MonoTime> header_block_since_;
  bool in_turn_ = false;  // flushes at its end
  bool flushing_ = false;
  bool flush_scheduled_ = false;
  bool draining_ = false;
  bool turned_away_ = false;  // was told so
  bool flooded_ = false;
  bool failed_ = false;  // nghttp2 gave up: only what it said last is sent
  bool ended_ = false;   // nothing more is sent
};

}  // namespace millrace::net
