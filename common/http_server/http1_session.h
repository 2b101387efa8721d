#pragma once

#include <memory>

#include "common/http_server/connection.h"
#include "common/http_server/session.h"
#include "common/net/chunked_decoder.h"
#include "common/net/http1_parser.h"
#include "common/net/progress_clock.h"

namespace millrace::net {

class Http1Writer;

// HTTP/1.1 on one connection: one request at a time is received, given to the handler and answered;
// the next one, which may have arrived already, follows. A body of known length is received
// straight into the slab that the request takes along. On the connection's executor.
class Http1Session final : public Session {
 public:
  explicit Http1Session(Connection& connection);
  ~Http1Session() override;

  void Start(InputBuffer received) override;
  void OnReadable() override;
  void OnDrained() override;
  void OnTick(MonoTime now) override;
  void Drain() override;
  void OnClosed() override;

  // For the writer of the request in flight.
  Connection& connection() { return connection_; }
  // Queues the response's head; `body_size` is absent for a streamed one.
  void StartResponse(int status, const std::vector<OwnedHeader>& headers,
                     std::optional<size_t> body_size);
  // What Begin and End did is all there is; goes on when it has left.
  void FinishResponse();
  bool head_only() const { return head_only_; }
  bool chunked_response() const { return chunked_response_; }

 private:
  enum class State { kHead, kBody, kChunkedBody, kAnswering, kSending, kClosing };
  // More may be there at once; some came and that is all; nothing came.
  enum class ReadResult { kMore, kSome, kNone };

  bool reading() const { return state_ <= State::kChunkedBody; }
  void Pump(bool readable);
  ReadResult ReadSome();
  ReadResult ResultOf(ssize_t got, size_t asked);
  void ReadAhead();
  // Takes the buffered input apart as far as it goes; each of these as one step of it, true when
  // there may be another.
  void ParseBuffered();
  bool ParseHeadBuffered();
  bool DecodeChunks();
  void BeginRequest(size_t head_size);
  void BeginBody(size_t size);
  void DispatchWithBody();
  bool AppendToBody(std::string_view data);
  void Dispatch();
  void NextRequest();
  void EndInput();
  void Refuse(const Refusal& refusal);
  // Bytes of the pool that the body being received holds.
  size_t body_memory() const { return body_slab_ == nullptr ? 0 : body_slab_->capacity(); }

  Connection& connection_;
  State state_ = State::kHead;
  InputBuffer input_;
  HeadScanner scanner_;
  size_t read_size_;  // as much as the last request took
  bool empty_line_skipped_ = false;
  bool pumping_ = false;
  size_t turn_requests_ = 0;  // given to the handler in this turn
  bool draining_ = false;
  bool input_ended_ = false;

  // The request that is being received.
  HttpRequest request_;
  SlabRef body_slab_;
  uint8_t* body_ = nullptr;  // in body_slab_
  size_t body_size_ = 0;     // the whole of it, when known
  size_t body_received_ = 0;
  size_t body_bytes_max_ = 0;
  ChunkedDecoder chunks_;
  MonoTime since_{};  // idle, or head begun
  ProgressClock body_clock_;

  // The request that is being answered.
  Http1Writer* writer_ = nullptr;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http10_ = false;
  bool chunked_response_ = false;
  std::string head_buffer_;

  friend class Http1Writer;
};

}  // namespace millrace::net
