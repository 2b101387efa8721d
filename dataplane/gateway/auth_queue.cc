#include "dataplane/gateway/auth_queue.h"

#include "common/codec/digest.h"
#include "common/log/log.h"

namespace millrace::gateway {

using kinesis::CallPtr;

namespace {

// Of one turn: enough to fill the widest vectors, not so much that a turn gets long.
constexpr size_t kCallsMax = 16;
constexpr size_t kBytesMax = 16 * kMiB;

}  // namespace

void AuthQueue::Add(CallPtr call) {
  waiting_.push_back(std::move(call));
  if (scheduled_) return;
  scheduled_ = true;
  executor_.Post([this] { Drain(); });
}

void AuthQueue::Drain() {
  size_t count = 0;
  size_t bytes = 0;
  while (count < waiting_.size() && count < kCallsMax && (count == 0 || bytes < kBytesMax)) {
    bytes += waiting_[count++]->request.body.size();
  }
  const auto end = waiting_.begin() + static_cast<ptrdiff_t>(count);
  const std::vector<CallPtr> calls(std::make_move_iterator(waiting_.begin()),
                                   std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  scheduled_ = !waiting_.empty();
  if (scheduled_) executor_.Post([this] { Drain(); });

  std::vector<std::string_view> bodies;
  bodies.reserve(calls.size());
  for (const CallPtr& call : calls) bodies.push_back(call->request.body.view());
  std::vector<codec::Sha256Digest> digests(calls.size());
  codec::Sha256Many(bodies, digests);
  for (size_t i = 0; i < calls.size(); ++i) {
    aws::SigV4Verifier::Outcome outcome = verifier_.Verify(calls[i]->request, digests[i]);
    if (outcome.error) {
      log::Info("request refused",
                {{"request_id", calls[i]->request_id}, {"error", outcome.error->type}});
      calls[i]->Fail(*outcome.error);
      continue;
    }
    calls[i]->identity = std::move(*outcome.identity);
    serve_(calls[i]);
  }
}

}  // namespace millrace::gateway
