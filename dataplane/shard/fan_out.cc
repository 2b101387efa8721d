#include "dataplane/shard/fan_out.h"

#include "common/base/check.h"

namespace millrace::shard {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(500);

}  // namespace

FanOut::FanOut(storage::Lane& lane, Executor& executor, const EventEncoder& encoder,
               const Clock& clock, FanOutLimits limits)
    : context_{lane, executor, encoder, clock, limits, EventCache(limits.cache_bytes_max)} {}

FanOut::~FanOut() { CHECK(hubs_.empty()); }

void FanOut::Start() { Tick(); }

void FanOut::Stop() {
  stopped_ = true;
  context_.executor.Cancel(tick_);
  for (auto& [key, hub] : hubs_) hub->EndAll(Unavailable("The server is stopping."));
  hubs_.clear();
}

void FanOut::Tick() {
  for (auto it = hubs_.begin(); it != hubs_.end();) {
    it->second->OnTick();
    it = it->second->idle() ? hubs_.erase(it) : std::next(it);
  }
  tick_ = context_.executor.RunAfter(kTick, [this] { Tick(); });
}

void FanOut::Subscribe(SubscribeRequest request,
                       UniqueFunction<void(Result<SubscriptionPtr>)> done) {
  const ShardRef at = request.at;
  const StartPoint start = request.start;
  ResolveStart(context_.lane, at, start,
               [this, request = std::move(request),
                done = std::move(done)](const Result<Position>& from) mutable {
                 if (!from.ok()) return done(from.status());
                 done(Add(std::move(request), *from));
               });
}

Result<SubscriptionPtr> FanOut::Add(SubscribeRequest request, Position from) {
  if (stopped_) return Unavailable("The server is stopping.");
  std::shared_ptr<ShardHub>& hub = hubs_[{request.at.stream->uid(), request.at.shard->index()}];
  if (hub == nullptr) hub = std::make_shared<ShardHub>(context_, request.at);
  return hub->Add(std::move(request.consumer_arn), request.protocol, std::move(request.sink), from);
}

ShardHub* FanOut::HubOf(const SubscriptionPtr& subscription) {
  const auto found = hubs_.find({subscription->stream_uid, subscription->shard});
  return found == hubs_.end() ? nullptr : found->second.get();
}

void FanOut::Run(const SubscriptionPtr& subscription) {
  if (ShardHub* hub = HubOf(subscription)) hub->Run(subscription);
}

void FanOut::Remove(const SubscriptionPtr& subscription) {
  if (ShardHub* hub = HubOf(subscription)) hub->Remove(subscription);
}

void FanOut::Drained(const SubscriptionPtr& subscription) {
  if (ShardHub* hub = HubOf(subscription)) hub->Drained(subscription);
}

void FanOut::OnCommit(const storage::ExtentId& id, const storage::Chunk& chunk) {
  if (hubs_.empty()) return;
  const auto hub = hubs_.find({id.stream, id.shard});
  if (hub != hubs_.end()) hub->second->OnCommit(id, chunk);
}

void FanOut::OnPublished(const StreamPtr& stream) {
  for (auto it = hubs_.lower_bound({stream->uid(), 0});
       it != hubs_.end() && it->first.first == stream->uid(); ++it) {
    it->second->OnPublished(stream);
  }
}

size_t FanOut::subscriptions() const {
  size_t count = 0;
  for (const auto& [key, hub] : hubs_) count += hub->subscriptions();
  return count;
}

}  // namespace millrace::shard
