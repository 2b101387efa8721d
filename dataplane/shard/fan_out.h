#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "dataplane/shard/shard_hub.h"

namespace millrace::shard {

struct SubscribeRequest {
  ShardRef at;
  std::string consumer_arn;
  aws::Protocol protocol = aws::Protocol::kJson;
  StartPoint start;
  std::shared_ptr<EventSink> sink;
};

// SubscribeToShard for the shards of one lane. Lives on the lane's executor, where every method is
// called; made before the lane's commit listener is set and Start is posted, stopped (Stop, there
// too) before the lane is closed and destroyed after.
class FanOut {
 public:
  FanOut(storage::Lane& lane, Executor& executor, const EventEncoder& encoder, const Clock& clock,
         FanOutLimits limits = {}, RemoteExtents* remote = nullptr);
  ~FanOut();

  void Start();
  // Ends every subscription; nothing is sent afterwards.
  void Stop();

  // Gives the subscription, of which nothing is sent before Run, or why there is none; before the
  // return unless its start has to be looked up on the disk
  // or at another pod.
  void Subscribe(SubscribeRequest request, UniqueFunction<void(Result<SubscriptionPtr>)> done);
  void Run(const SubscriptionPtr& subscription);
  void Remove(const SubscriptionPtr& subscription);
  void Drained(const SubscriptionPtr& subscription);

  // Calls `fn` once, at the next commit to this extent or the next map of its stream, or by Stop;
  // from inside whatever does that, so it only posts.
  void AwaitTail(const storage::ExtentId& id, std::function<void()> fn);

  void OnCommit(const storage::ExtentId& id, const storage::Chunk& chunk);
  void OnPublished(const StreamPtr& stream);
  size_t subscriptions() const;

 private:
  using HubKey = std::pair<uint64_t, uint32_t>;  // stream, shard
  void Tick();
  void WakeTails(const storage::ExtentId& first, const storage::ExtentId& last);
  Result<SubscriptionPtr> Add(SubscribeRequest request, Position from);
  ShardHub* HubOf(const SubscriptionPtr& subscription);

  FanOutContext context_;
  std::map<HubKey, std::shared_ptr<ShardHub>> hubs_;
  std::multimap<storage::ExtentId, std::function<void()>> tails_;
  Executor::TimerId tick_ = 0;
  bool stopped_ = false;
};

}  // namespace millrace::shard
