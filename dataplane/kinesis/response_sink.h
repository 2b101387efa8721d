#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "common/http_server/http_server.h"
#include "dataplane/shard/event_sink.h"

namespace millrace::kinesis {

// A streamed HTTP answer as the sink of a subscription. See EventSink for what is called where;
// Open is called on the connection's executor. The callbacks are called there, `on_drained` once
// for every AskForDrained that said true, `on_closed` at most once; both are dropped when the
// answer ends or its connection does.
class ResponseSink final : public shard::EventSink,
                           public std::enable_shared_from_this<ResponseSink> {
 public:
  explicit ResponseSink(std::shared_ptr<net::ResponseWriter> writer) : writer_(std::move(writer)) {}

  // Begins the answer with its first event.
  void Open(std::vector<net::OwnedHeader> headers, Slice first, std::function<void()> on_drained,
            std::function<void()> on_closed);

  Executor& executor() override { return writer_->executor(); }
  void Write(Slice event) override;
  void End() override;
  void Reserve(size_t bytes) override { queued_.fetch_add(bytes, std::memory_order_relaxed); }
  size_t QueuedBytes() const override { return queued_.load(std::memory_order_relaxed); }
  bool AskForDrained() override;

 private:
  void NoteDrained();

  const std::shared_ptr<net::ResponseWriter> writer_;
  std::function<void()> on_drained_;  // none after the end
  bool ended_ = false;
  size_t written_ = 0;  // given to the writer since it was last empty
  std::atomic<size_t> queued_{0};
  std::atomic<bool> asked_{false};
};

}  // namespace millrace::kinesis
