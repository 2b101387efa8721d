#include "dataplane/shard/shard_hub.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::shard {

using aws::Protocol;
using State = Subscription::State;

namespace {

// A subscription over its rate looks again after this.
constexpr Duration kPace = std::chrono::milliseconds(100);
// Where nobody could say what follows, it is asked again after this.
constexpr Duration kAskAgain = std::chrono::milliseconds(100);

Position EndOf(const RecordRun& run) {
  return {run.epoch, run.chunk.first_index + run.chunk.count};
}

}  // namespace

ShardHub::ShardHub(FanOutContext& context, ShardRef at) : context_(context), at_(std::move(at)) {}

ShardHub::~ShardHub() { CHECK(all_.empty()); }

Result<SubscriptionPtr> ShardHub::Add(std::string consumer_arn, Protocol protocol,
                                      std::shared_ptr<EventSink> sink, Position from) {
  const MonoTime now = context_.clock.Now();
  const auto known = consumers_.find(consumer_arn);
  if (known != consumers_.end()) {
    if (now - known->second.subscribed < context_.limits.resubscribe_after) {
      return Status(Code::kResourceInUse, "Another active subscription exists for this consumer: " +
                                              Describe(consumer_arn));
    }
    if (const SubscriptionPtr old = known->second.subscription.lock()) {
      End(old,
          context_.encoder.Exception(
              old->protocol, Status(Code::kResourceInUse, "Another subscription has taken over: " +
                                                              Describe(consumer_arn))));
    }
  }
  auto subscription =
      std::make_shared<Subscription>(at_, consumer_arn, protocol, std::move(sink), from);
  subscription->started = now;
  subscription->last_sent = now;
  const resources::MapConsumer* consumer = at_.stream->FindConsumer(consumer_arn);
  subscription->metrics =
      &at_.stream->metrics().Consumer(consumer != nullptr ? consumer->name : consumer_arn);
  consumers_[std::move(consumer_arn)] = {now, subscription};
  all_.push_back(subscription);
  return subscription;
}

std::string ShardHub::Describe(const std::string& consumer_arn) const {
  const resources::MapConsumer* consumer = at_.stream->FindConsumer(consumer_arn);
  return std::string(at_.stream->account()) + ":" + at_.stream->name() + ":" + at_.shard->id + ":" +
         (consumer != nullptr ? consumer->name : consumer_arn);
}

void ShardHub::Remove(const SubscriptionPtr& subscription) {
  subscription->state = State::kEnded;
  std::erase(all_, subscription);
  std::erase(live_, subscription);
  if (live_.empty()) pending_.clear();
}

void ShardHub::Drained(const SubscriptionPtr& subscription) {
  if (subscription->state == State::kDraining) ReadOn(subscription);
}

// ---- at the tip

void ShardHub::OnCommit(const storage::ExtentId& id, const storage::Chunk& chunk) {
  if (live_.empty()) return;
  const Position begin{id.epoch, chunk.first_index};
  if (pending_.empty() && begin != tail_) {
    // A new extent, or a gap: whoever waits at the old tail finds the way by reading.
    const std::vector<SubscriptionPtr> waiting = std::move(live_);
    live_.clear();
    for (const SubscriptionPtr& subscription : waiting) ReadOn(subscription);
    return;
  }
  pending_.push_back({id.epoch, chunk.first_index, chunk});
  ScheduleFlush();
}

void ShardHub::ScheduleFlush() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  const auto flush = [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->Flush();
  };
  // Commits of one durable write come one after another: the posted callback sees them all.
  const Duration since = context_.clock.Now() - flushed_;
  if (since >= context_.limits.event_interval_min) {
    context_.executor.Post(flush);
  } else {
    context_.executor.RunAfter(context_.limits.event_interval_min - since, flush);
  }
}

void ShardHub::Flush() {
  if (pending_.empty()) return;
  const std::vector<RecordRun> runs = std::move(pending_);
  pending_.clear();
  flushed_ = context_.clock.Now();
  const Position begin = tail_;
  tail_ = EndOf(runs.back());
  Writes writes;
  for (const Protocol protocol : {Protocol::kJson, Protocol::kCbor}) {
    const auto speaks = [&](const SubscriptionPtr& s) { return s->protocol == protocol; };
    Position from = begin;
    while (from != tail_ && std::any_of(live_.begin(), live_.end(), speaks)) {
      const EncodedEvent event = context_.encoder.Records(
          protocol, at_, runs, from, /*at_tip=*/true, context_.clock.WallNow());
      CHECK(event.next > from);
      context_.cache.Put(KeyOf(protocol, from), event);
      FeedLive(event, from, protocol, writes);
      from = event.next;
    }
  }
  Deliver(std::move(writes));
}

void ShardHub::FeedLive(const EncodedEvent& event, Position from, Protocol protocol,
                        Writes& writes) {
  const std::vector<SubscriptionPtr> now_live = live_;
  for (const SubscriptionPtr& subscription : now_live) {
    if (subscription->protocol != protocol) continue;
    if (subscription->position != from) {
      LeaveTip(subscription);
      ReadOn(subscription);
      continue;
    }
    if (!MaySend(subscription)) continue;
    subscription->sink->Reserve(event.frame.size());
    writes[&subscription->sink->executor()].emplace_back(subscription->sink, event.frame);
    Note(*subscription, event);
  }
}

void ShardHub::Deliver(Writes writes) {
  for (auto& [executor, batch] : writes) {
    auto write = [frames = std::move(batch)]() mutable {
      for (auto& [sink, frame] : frames) sink->Write(std::move(frame));
    };
    if (executor->OnThisExecutor()) {
      write();
    } else {
      executor->Post(std::move(write));
    }
  }
}

void ShardHub::LeaveTip(const SubscriptionPtr& subscription) {
  std::erase(live_, subscription);
  if (live_.empty()) pending_.clear();
}

void ShardHub::BecomeLive(const SubscriptionPtr& subscription) {
  if (live_.empty()) {
    pending_.clear();
    tail_ = subscription->position;
  } else {
    Flush();
  }
  subscription->state = State::kLive;
  live_.push_back(subscription);
  // What was committed while it read is behind the tail now: read that too.
  if (subscription->position < tail_) {
    LeaveTip(subscription);
    ReadOn(subscription);
  }
}

// ---- behind the tip

// Whether the subscription may be sent something now; arranges for going on where it may not.
bool ShardHub::MaySend(const SubscriptionPtr& subscription) {
  if (subscription->sink->QueuedBytes() > context_.limits.queued_bytes_max) {
    LeaveTip(subscription);
    subscription->state = State::kDraining;
    if (subscription->sink->AskForDrained()) return false;
    ReadOn(subscription);
    return false;
  }
  if (at_.stream->map().enforce_shard_limits && !subscription->rate.HasAny(context_.clock.Now())) {
    LeaveTip(subscription);
    subscription->state = State::kPaced;
    context_.executor.RunAfter(kPace, [self = shared_from_this(), subscription] {
      if (subscription->state == State::kPaced) self->ReadOn(subscription);
    });
    return false;
  }
  return true;
}

void ShardHub::ReadOn(const SubscriptionPtr& subscription) {
  if (subscription->state == State::kEnded) return;
  subscription->state = State::kReading;
  // One read a turn, so that one consumer's backlog does not keep the lane from everybody else.
  context_.executor.Post(
      [self = shared_from_this(), subscription] { self->ReadStep(subscription); });
}

void ShardHub::ReadStep(const SubscriptionPtr& subscription) {
  if (subscription->state != State::kReading || !MaySend(subscription)) return;
  if (SendFromCache(subscription)) return ReadOn(subscription);
  const ChainSource source{context_.lane, &context_.executor, context_.remote};
  const ChainReadOptions options{.bytes_max = context_.limits.read_bytes,
                                 .wait = context_.limits.remote_wait};
  ReadChain(source, at_, subscription->position, options,
            [self = shared_from_this(), subscription,
             read_by = at_.stream](const Result<ChainRead>& read) {
              if (subscription->state != State::kReading) return;
              if (read.ok()) return self->TakeRead(subscription, *read, read_by);
              self->End(subscription,
                        self->context_.encoder.Exception(subscription->protocol, read.status()));
            });
}

bool ShardHub::SendFromCache(const SubscriptionPtr& subscription) {
  const EncodedEvent* event =
      context_.cache.Find(KeyOf(subscription->protocol, subscription->position));
  if (event == nullptr) return false;
  Send(*subscription, event->frame);
  Note(*subscription, *event);
  return true;
}

void ShardHub::TakeRead(const SubscriptionPtr& subscription, const ChainRead& read,
                        const StreamPtr& read_by) {
  Position from = std::max(
      subscription->position,
      read.runs.empty() ? Position{} : Position{read.runs[0].epoch, read.runs[0].from_index});
  const Position end = read.runs.empty() ? from : EndOf(read.runs.back());
  const bool shared = all_.size() > 1;
  while (from < end) {
    const EncodedEvent event = context_.encoder.Records(
        subscription->protocol, at_, read.runs, from, read.at_tip, context_.clock.WallNow());
    CHECK(event.next > from);
    if (shared) context_.cache.Put(KeyOf(subscription->protocol, from), event);
    Send(*subscription, event.frame);
    Note(*subscription, event);
    from = event.next;
    if (from < end && !MaySend(subscription)) return;  // the rest is read again
  }
  subscription->position = std::max(subscription->position, read.next);
  GoOn(subscription, read, read_by);
}

// What the read found is sent: where the subscription stands now. `read_by` is the map it was made
// with, which may have been followed by a newer one meanwhile.
void ShardHub::GoOn(const SubscriptionPtr& subscription, const ChainRead& read,
                    const StreamPtr& read_by) {
  if (read.end_of_shard && !at_.shard->children.empty()) {
    return End(subscription, context_.encoder.EndOfShard(subscription->protocol, at_));
  }
  if (read.waiting) {
    context_.executor.RunAfter(
        kAskAgain, [self = shared_from_this(), subscription] { self->ReadStep(subscription); });
    return;
  }
  const bool of_this_map = read_by == at_.stream;
  if (read.at_tip && of_this_map && (!read.elsewhere || read.end_of_shard))
    return BecomeLive(subscription);
  ReadOn(subscription);
}

// ---- both

void ShardHub::Note(Subscription& subscription, const EncodedEvent& event) {
  const MonoTime now = context_.clock.Now();
  subscription.position = event.next;
  subscription.last_sent = now;
  subscription.rate.Take(static_cast<double>(event.bytes), now);
  subscription.metrics->event_records->Add(event.records);
  subscription.metrics->event_bytes->Add(static_cast<double>(event.bytes));
  subscription.metrics->event_success->Add();
  subscription.metrics->event_millis_behind->Set(static_cast<double>(event.millis_behind));
}

void ShardHub::Send(Subscription& subscription, Slice frame) {
  subscription.sink->Reserve(frame.size());
  Writes writes;
  writes[&subscription.sink->executor()].emplace_back(subscription.sink, std::move(frame));
  Deliver(std::move(writes));
}

void ShardHub::End(const SubscriptionPtr& subscription, std::optional<Slice> last) {
  Remove(subscription);
  if (last) Send(*subscription, std::move(*last));
  subscription->sink->executor().Post([sink = subscription->sink] { sink->End(); });
}

void ShardHub::OnPublished(const StreamPtr& stream) {
  const ShardView* shard = stream->map().deleting ? nullptr : stream->Find(at_.shard->index());
  if (shard == nullptr) return EndAll(NotFound("The stream or the shard does not exist any more."));
  Flush();
  at_ = {stream, shard};
  const std::vector<SubscriptionPtr> all = all_;
  for (const SubscriptionPtr& subscription : all) {
    if (stream->FindConsumer(subscription->consumer_arn) == nullptr) {
      End(subscription,
          context_.encoder.Exception(subscription->protocol,
                                     NotFound("The consumer does not exist any more.")));
    } else if (subscription->state == State::kLive) {
      LeaveTip(subscription);
      ReadOn(subscription);
    }
  }
}

void ShardHub::OnTick() {
  const MonoTime now = context_.clock.Now();
  const std::vector<SubscriptionPtr> all = all_;
  for (const SubscriptionPtr& subscription : all) {
    if (now - subscription->started >= context_.limits.life_max) {
      End(subscription, std::nullopt);
    } else if ((subscription->state == State::kLive || subscription->state == State::kReading) &&
               now - subscription->last_sent >= context_.limits.keep_alive_after) {
      subscription->last_sent = now;
      Send(*subscription,
           context_.encoder.KeepAlive(subscription->protocol, at_, subscription->position,
                                      context_.clock.WallNow()));
      subscription->metrics->event_success->Add();
    }
  }
  std::erase_if(consumers_, [&](const auto& item) {
    return item.second.subscription.expired() &&
           now - item.second.subscribed >= context_.limits.resubscribe_after;
  });
}

void ShardHub::EndAll(const Status& status) {
  status.IgnoreError();  // there may be nobody to tell
  status.IgnoreError();  // there may be nobody to tell
  const std::vector<SubscriptionPtr> all = all_;
  for (const SubscriptionPtr& subscription : all) {
    End(subscription, context_.encoder.Exception(subscription->protocol, status));
  }
}

}  // namespace millrace::shard
