#include "dataplane/shard/fan_out.h"

#include "common/base/check.h"

namespace millrace::shard {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(500);

}  // namespace

FanOut::FanOut(storage::Lane& lane, Executor& executor, const EventEncoder& encoder,
               const Clock& clock, FanOutLimits limits, RemoteExtents* remote)
    : context_{lane, executor, encoder, clock, limits, EventCache(limits.cache_bytes_max), remote} {
}

FanOut::~FanOut() { CHECK(hubs_.empty()); }

void FanOut::Start() { Tick(); }

void FanOut::Stop() {
  stopped_ = true;
  context_.executor.Cancel(tick_);
  for (auto& [key, hub] : hubs_) hub->EndAll(Unavailable("The server is stopping."));
  hubs_.clear();
  WakeTails({}, {UINT64_MAX, UINT32_MAX, UINT64_MAX});
}

void FanOut::AwaitTail(const storage::ExtentId& id, std::function<void()> fn) {
  if (stopped_) return fn();
  tails_.emplace(id, std::move(fn));
}

void FanOut::WakeTails(const storage::ExtentId& first, const storage::ExtentId& last) {
  std::vector<std::function<void()>> waiting;
  const auto begin = tails_.lower_bound(first);
  const auto end = tails_.upper_bound(last);
  for (auto it = begin; it != end; ++it) waiting.push_back(std::move(it->second));
  tails_.erase(begin, end);
  for (const std::function<void()>& fn : waiting) fn();
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
  ResolveStart({context_.lane, &context_.executor, context_.remote}, at, start,
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
  if (!tails_.empty()) WakeTails(id, id);
  if (hubs_.empty()) return;
  const auto hub = hubs_.find({id.stream, id.shard});
  if (hub != hubs_.end()) hub->second->OnCommit(id, chunk);
}

void FanOut::OnPublished(const StreamPtr& stream) {
  WakeTails({stream->uid(), 0, 0}, {stream->uid(), UINT32_MAX, UINT64_MAX});
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
