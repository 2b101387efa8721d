#pragma once

#include <string>
#include <vector>

#include "common/aws/operation.h"
#include "common/base/clock.h"
#include "controlplane/catalog/catalog.h"
#include "controlplane/kinesis/page_token.h"

namespace millrace::controlplane {

struct KinesisLimits {
  int64_t shards_max = 10'000;  // of the account; past it LimitExceededException
  int64_t on_demand_streams_max = 10'000;
  int64_t consumers_max = 20;  // of a stream; 50 of an on-demand one with the throughput commitment
};

// What every control operation works with. Made in main, outlives the dispatcher; operations keep
// nothing between calls.
struct KinesisControl {
  Catalog& catalog;
  Clock& clock;
  PageTokens& tokens;
  KinesisLimits limits;
};

// Every control operation of the service, one function a file; added to the dispatcher in
// operations.cc, the list of what there is.
void AddKinesisOperations(KinesisControl& control, aws::Dispatcher& dispatcher);

using Handler = aws::OperationHandler;
Handler CreateStream(KinesisControl& control);
Handler DeleteStream(KinesisControl& control);
// describe_stream.cc
Handler DescribeStream(KinesisControl& control);
Handler DescribeStreamSummary(KinesisControl& control);
Handler ListStreams(KinesisControl& control);
Handler ListShards(KinesisControl& control);
// reshard.cc
Handler SplitShard(KinesisControl& control);
Handler MergeShards(KinesisControl& control);
Handler UpdateShardCount(KinesisControl& control);
// stream_settings.cc
Handler UpdateStreamMode(KinesisControl& control);
Handler UpdateMaxRecordSize(KinesisControl& control);
Handler UpdateStreamWarmThroughput(KinesisControl& control);
Handler UpdateStreamRecordDistributionStrategy(KinesisControl& control);
// retention_period.cc
Handler IncreaseStreamRetentionPeriod(KinesisControl& control);
Handler DecreaseStreamRetentionPeriod(KinesisControl& control);
// stream_tags.cc
Handler AddTagsToStream(KinesisControl& control);
Handler RemoveTagsFromStream(KinesisControl& control);
Handler ListTagsForStream(KinesisControl& control);
// resource_tags.cc
Handler TagResource(KinesisControl& control);
Handler UntagResource(KinesisControl& control);
Handler ListTagsForResource(KinesisControl& control);
// resource_policy.cc
Handler PutResourcePolicy(KinesisControl& control);
Handler GetResourcePolicy(KinesisControl& control);
Handler DeleteResourcePolicy(KinesisControl& control);
// stream_consumers.cc
Handler RegisterStreamConsumer(KinesisControl& control);
Handler DeregisterStreamConsumer(KinesisControl& control);
Handler DescribeStreamConsumer(KinesisControl& control);
Handler ListStreamConsumers(KinesisControl& control);
// enhanced_monitoring.cc
Handler EnableEnhancedMonitoring(KinesisControl& control);
Handler DisableEnhancedMonitoring(KinesisControl& control);
// stream_encryption.cc
Handler StartStreamEncryption(KinesisControl& control);
Handler StopStreamEncryption(KinesisControl& control);
// account.cc
Handler DescribeLimits(KinesisControl& control);
Handler DescribeAccountSettings(KinesisControl& control);
Handler UpdateAccountSettings(KinesisControl& control);

// Used by more than one operation (descriptions.cc); pure.
json::Value DescribeShard(const resources::MapShard& shard);
json::Value DescribeModeOf(const StreamView& view);
json::Value DescribeConsumer(const resources::MapConsumer& consumer, const StreamView& view,
                             bool with_stream);
int64_t OpenShardCount(const StreamView& view);
json::Value ShardLevelMetrics(const resources::StreamSpec& spec);

// Whether the account has the throughput commitment (On-demand Advantage).
Result<json::Value> ReadAccountSettings(KinesisControl& control);

}  // namespace millrace::controlplane
