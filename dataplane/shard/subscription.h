#pragma once

#include <memory>
#include <string>

#include "dataplane/placement/shard_limits.h"
#include "dataplane/shard/event_encoder.h"
#include "dataplane/shard/event_sink.h"

namespace millrace::shard {

// One consumer's stream of events from one shard, up to five minutes long. Lives on the lane's
// executor; owned by its ShardHub and by whatever is under way for it.
struct Subscription {
  enum class State {
    kReading,   // behind: a read is under way or posted
    kLive,      // at the tip: takes the hub's events as they come
    kDraining,  // its connection is behind by more than the limit: reads on when that is empty
    kPaced,     // has used up its rate: reads on after a while
    kEnded,
  };

  Subscription(const ShardRef& at, std::string arn, aws::Protocol p, std::shared_ptr<EventSink> s,
               Position from)
      : stream_uid(at.stream->uid()),
        shard(at.shard->index()),
        consumer_arn(std::move(arn)),
        protocol(p),
        sink(std::move(s)),
        stream_state(at.stream->state()),
        position(from) {}

  // Constant after construction.
  const uint64_t stream_uid;
  const uint32_t shard;
  const std::string consumer_arn;
  const aws::Protocol protocol;
  const std::shared_ptr<EventSink> sink;
  const std::shared_ptr<StreamState> stream_state;  // keeps `metrics`
  MonoTime started{};
  const ConsumerMetrics* metrics = nullptr;

  State state = State::kReading;
  Position position;  // of the next record it gets
  MonoTime last_sent{};
  RateBucket rate{2.0 * kMiB, 2.0 * kMiB};  // asked only where the stream enforces limits
};
using SubscriptionPtr = std::shared_ptr<Subscription>;

}  // namespace millrace::shard
