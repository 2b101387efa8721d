#include "dataplane/kinesis/response_sink.h"

#include <utility>

namespace millrace::kinesis {

void ResponseSink::Open(std::vector<net::OwnedHeader> headers, Slice first,
                        std::function<void()> on_drained, std::function<void()> on_closed) {
  on_drained_ = std::move(on_drained);
  const std::weak_ptr<ResponseSink> weak = weak_from_this();
  writer_->OnDrained([weak] {
    if (const auto self = weak.lock()) self->NoteDrained();
  });
  writer_->OnClosed([weak, closed = std::move(on_closed)] {
    if (const auto self = weak.lock()) self->on_drained_ = nullptr;
    closed();
  });
  writer_->Begin(200, std::move(headers));
  Reserve(first.size());
  Write(std::move(first));
}

void ResponseSink::Write(Slice event) {
  if (ended_) return;
  written_ += event.size();
  writer_->Write(std::move(event));
  if (writer_->QueuedBytes() == 0) NoteDrained();
}

void ResponseSink::End() {
  if (ended_) return;
  ended_ = true;
  // It holds the subscription, which holds this.
  const std::function<void()> dropped = std::exchange(on_drained_, nullptr);
  writer_->End();
}

bool ResponseSink::AskForDrained() {
  asked_.store(true, std::memory_order_seq_cst);
  // Drained between the caller's look and the question: whoever clears the flag speaks for it.
  if (queued_.load(std::memory_order_seq_cst) > 0) return true;
  return !asked_.exchange(false);
}

void ResponseSink::NoteDrained() {
  queued_.fetch_sub(written_, std::memory_order_seq_cst);
  written_ = 0;
  if (queued_.load(std::memory_order_seq_cst) == 0 && asked_.exchange(false) && on_drained_)
    on_drained_();
}

}  // namespace millrace::kinesis
