#include "controlplane/kinesis/operations.h"

#include "common/aws/kinesis_shapes.h"

namespace millrace::controlplane {

void AddKinesisOperations(KinesisControl& control, aws::Dispatcher& dispatcher) {
  struct Entry {
    std::string_view name;
    Handler (*make)(KinesisControl&);
  };
  static constexpr Entry kOperations[] = {
      {"AddTagsToStream", AddTagsToStream},
      {"CreateStream", CreateStream},
      {"DecreaseStreamRetentionPeriod", DecreaseStreamRetentionPeriod},
      {"DeleteResourcePolicy", DeleteResourcePolicy},
      {"DeleteStream", DeleteStream},
      {"DeregisterStreamConsumer", DeregisterStreamConsumer},
      {"DescribeAccountSettings", DescribeAccountSettings},
      {"DescribeLimits", DescribeLimits},
      {"DescribeStream", DescribeStream},
      {"DescribeStreamConsumer", DescribeStreamConsumer},
      {"DescribeStreamSummary", DescribeStreamSummary},
      {"DisableEnhancedMonitoring", DisableEnhancedMonitoring},
      {"EnableEnhancedMonitoring", EnableEnhancedMonitoring},
      {"GetResourcePolicy", GetResourcePolicy},
      {"IncreaseStreamRetentionPeriod", IncreaseStreamRetentionPeriod},
      {"ListShards", ListShards},
      {"ListStreamConsumers", ListStreamConsumers},
      {"ListStreams", ListStreams},
      {"ListTagsForResource", ListTagsForResource},
      {"ListTagsForStream", ListTagsForStream},
      {"MergeShards", MergeShards},
      {"PutResourcePolicy", PutResourcePolicy},
      {"RegisterStreamConsumer", RegisterStreamConsumer},
      {"RemoveTagsFromStream", RemoveTagsFromStream},
      {"SplitShard", SplitShard},
      {"StartStreamEncryption", StartStreamEncryption},
      {"StopStreamEncryption", StopStreamEncryption},
      {"TagResource", TagResource},
      {"UntagResource", UntagResource},
      {"UpdateAccountSettings", UpdateAccountSettings},
      {"UpdateMaxRecordSize", UpdateMaxRecordSize},
      {"UpdateShardCount", UpdateShardCount},
      {"UpdateStreamMode", UpdateStreamMode},
      {"UpdateStreamRecordDistributionStrategy", UpdateStreamRecordDistributionStrategy},
      {"UpdateStreamWarmThroughput", UpdateStreamWarmThroughput},
  };
  for (const Entry& entry : kOperations) {
    dispatcher.Add({entry.name, aws::KinesisInputShape(entry.name), entry.make(control)});
  }
  for (std::string_view name : aws::KinesisOperationsNotOffered()) dispatcher.AddNotOffered(name);
}

}  // namespace millrace::controlplane
