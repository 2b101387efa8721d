#pragma once

#include <map>
#include <string>
#include <vector>

#include "dataplane/shard/event_cache.h"
#include "dataplane/shard/start_position.h"
#include "dataplane/shard/subscription.h"

namespace millrace::shard {

struct FanOutLimits {
  size_t queued_bytes_max = 4 * kMiB;  // a connection's, before its subscription stops feeding it
  size_t cache_bytes_max = 32 * kMiB;  // encoded events kept, a lane
  size_t read_bytes = kMiB;            // of one read of a subscription that is behind
  Duration event_interval_min = std::chrono::milliseconds(1);  // commits within it share an event
  Duration keep_alive_after = std::chrono::milliseconds(3500);
  Duration life_max = std::chrono::seconds(300);
  Duration resubscribe_after = std::chrono::seconds(5);
  // At the tip of another pod's extent: how long one question may be kept there.
  Duration remote_wait = std::chrono::milliseconds(1000);
};

// What the hubs of one lane share.
struct FanOutContext {
  storage::Lane& lane;
  Executor& executor;
  const EventEncoder& encoder;
  const Clock& clock;
  const FanOutLimits limits;
  EventCache cache;
  RemoteExtents* remote = nullptr;  // the extents of other pods
};

// All subscriptions of one shard. Those at the tip are fed from the lane's commits, one encoding an
// event for all of them; one whose connection falls behind leaves the tip, reads on at its own pace
// when there is room, and comes back. Lives on the lane's executor; owned by FanOut, which stops it
// by EndAll; reads under way hold a share, so that it outlives them.
class ShardHub : public std::enable_shared_from_this<ShardHub> {
 public:
  ShardHub(FanOutContext& context, ShardRef at);
  ~ShardHub();

  // ResourceInUse within five seconds of the consumer's last success here; later the new
  // subscription takes over and the old one ends with ResourceInUseException.
  Result<SubscriptionPtr> Add(std::string consumer_arn, aws::Protocol protocol,
                              std::shared_ptr<EventSink> sink, Position from);
  // Begins to send; after the sink has had its answer.
  void Run(const SubscriptionPtr& subscription) { ReadOn(subscription); }
  // Its connection is gone.
  void Remove(const SubscriptionPtr& subscription);
  // Its connection has caught up.
  void Drained(const SubscriptionPtr& subscription);
  void OnCommit(const storage::ExtentId& id, const storage::Chunk& chunk);
  // A newer map: the chain may have grown, the shard closed, the stream or a consumer gone.
  void OnPublished(const StreamPtr& stream);
  void OnTick();
  void EndAll(const Status& status);
  bool idle() const { return all_.empty() && consumers_.empty(); }
  size_t subscriptions() const { return all_.size(); }

 private:
  struct Consumer {
    MonoTime subscribed{};
    std::weak_ptr<Subscription> subscription;
  };
  // One callback for the sinks of one executor.
  using Writes = std::map<Executor*, std::vector<std::pair<std::shared_ptr<EventSink>, Slice>>>;

  std::string Describe(const std::string& consumer_arn) const;
  void Flush();
  void ScheduleFlush();
  void FeedLive(const EncodedEvent& event, Position from, aws::Protocol protocol, Writes& writes);
  void ReadOn(const SubscriptionPtr& subscription);
  void ReadStep(const SubscriptionPtr& subscription);
  void TakeRead(const SubscriptionPtr& subscription, const ChainRead& read,
                const StreamPtr& read_by);
  void GoOn(const SubscriptionPtr& subscription, const ChainRead& read, const StreamPtr& read_by);
  bool SendFromCache(const SubscriptionPtr& subscription);
  void BecomeLive(const SubscriptionPtr& subscription);
  bool MaySend(const SubscriptionPtr& subscription);
  void Note(Subscription& subscription, const EncodedEvent& event);
  void Send(Subscription& subscription, Slice frame);
  void End(const SubscriptionPtr& subscription, std::optional<Slice> last);
  void LeaveTip(const SubscriptionPtr& subscription);
  static void Deliver(Writes writes);
  EventCache::Key KeyOf(aws::Protocol protocol, Position from) const {
    return {at_.stream->uid(), at_.shard->index(), protocol, from};
  }

  FanOutContext& context_;
  ShardRef at_;
  std::vector<SubscriptionPtr> all_;
  std::vector<SubscriptionPtr> live_;
  std::map<std::string, Consumer> consumers_;  // by ARN
  // Committed and not yet sent to live_; begins at tail_.
  std::vector<RecordRun> pending_;
  Position tail_;
  bool flush_scheduled_ = false;
  MonoTime flushed_{};
};

}  // namespace millrace::shard
