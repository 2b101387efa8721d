#include "dataplane/peer/remote_append.h"

#include <algorithm>

namespace millrace::peer {
namespace {

constexpr Duration kLookEvery = std::chrono::milliseconds(100);

}  // namespace

void RemoteAppend::Start() {
  link_ = peers_.LinkTo(executor_, order_.owner);
  if (link_ == nullptr) return TryLater();
  request_.channel = link_->channel;
  request_.number = link_->next_number++;
  request_.batches = order_.batches;
  link_->unsettled.insert(request_.number);
  Watch();
  Try();
}

void RemoteAppend::Watch() {
  watch_ = executor_.RunAfter(kLookEvery, [self = shared_from_this()] {
    self->watch_ = 0;
    self->LookWhetherMoved();
  });
}

// An owner that is alive answers as soon as it has sealed; one that is cut off never does, and the
// connection does not tell.
void RemoteAppend::LookWhetherMoved() {
  if (ended_) return;
  if (!moved_since_ && Moved()) moved_since_ = SystemClock().Now();
  if (moved_since_ && SystemClock().Now() - *moved_since_ >= peers_.options_.moved_wait_max)
    return End(Code::kInternal);
  Watch();
}

void RemoteAppend::Try() {
  if (ended_) return;
  const MonoTime now = SystemClock().Now();
  if (link_ == nullptr || now >= order_.give_up_at)
    return End(request_.repeated ? Code::kInternal : Code::kUnavailable);
  // Nothing was sent yet: whoever takes the shard's writes now may have them.
  if (!request_.repeated && Moved()) return End(Code::kResourceInUse);
  request_.settled_below = *link_->unsettled.begin();
  // On a repetition it stays: of the incarnation that may have done it.
  if (!request_.repeated) request_.incarnation = link_->incarnation;
  const RequestHead head{peers_.options_.self, order_.stream->uid(),
                         peers_.placement_.table()->VersionOf(order_.stream->uid())};
  peers_.Call<std::vector<AppendOutcome>>(
      executor_, order_.owner, Peers::Lane::kAppend, kAppendPath, head, Encode(head, request_),
      std::min(peers_.options_.call_time_max, order_.give_up_at - now),
      [self = shared_from_this()](PeerAnswer<std::vector<AppendOutcome>> answer) {
        self->Take(std::move(answer));
      });
}

void RemoteAppend::Take(PeerAnswer<std::vector<AppendOutcome>> answer) {
  if (ended_) return answer.status.IgnoreError();
  if (answer.status.ok() && answer.body.size() == order_.batches.size())
    return End(std::move(answer.body));
  switch (answer.status.code()) {
    case Code::kOk:  // of another number of batches
    case Code::kConflict:
      return End(Code::kInternal);
    case Code::kThrottled:
      if (!request_.repeated) return End(Code::kThrottled);
      break;
    default:
      break;
  }
  request_.repeated = request_.repeated || answer.maybe_done;
  TryLater();
}

void RemoteAppend::TryLater() {
  if (link_ == nullptr) {
    executor_.Post([self = shared_from_this()] { self->End(Code::kUnavailable); });
    return;
  }
  executor_.RunAfter(peers_.options_.retry_pause, [self = shared_from_this()] { self->Try(); });
}

bool RemoteAppend::Moved() const {
  const shard::StreamPtr now = peers_.placement_.table()->ByUid(order_.stream->uid());
  if (now == nullptr) return true;
  return std::any_of(order_.batches.begin(), order_.batches.end(), [&](const AppendBatch& batch) {
    const shard::ShardView* shard = now->Find(batch.shard);
    return shard == nullptr || !shard->open() || shard->open_epoch() != batch.epoch;
  });
}

void RemoteAppend::End(Code code) {
  std::vector<AppendOutcome> outcomes(order_.batches.size());
  for (AppendOutcome& outcome : outcomes) outcome.code = code;
  End(std::move(outcomes));
}

void RemoteAppend::End(std::vector<AppendOutcome> outcomes) {
  ended_ = true;
  if (watch_ != 0) executor_.Cancel(watch_);
  watch_ = 0;
  if (link_ != nullptr) link_->unsettled.erase(request_.number);
  Done done = std::move(done_);
  done(std::move(outcomes));
}

}  // namespace millrace::peer
