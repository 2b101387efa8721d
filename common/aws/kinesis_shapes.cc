#include "common/aws/kinesis_shapes.h"

#include <map>
#include <optional>
#include <vector>

#include "common/base/check.h"

namespace millrace::aws {

namespace {

constexpr int64_t kArnCharsMax = 2048;
constexpr int64_t kTokenCharsMax = 1'048'576;
constexpr int64_t kPageMax = 10'000;
constexpr int64_t kDataBytesMax = 10'485'760;

Member Required(Member member) {
  member.required = true;
  return member;
}

Member Plain(std::string_view name, Type type) {
  Member member;
  member.name = name;
  member.type = type;
  return member;
}
Member Flag(std::string_view name) { return Plain(name, Type::kBoolean); }
Member Moment(std::string_view name) { return Plain(name, Type::kTimestamp); }

Member Number(std::string_view name, std::optional<int64_t> min, std::optional<int64_t> max) {
  Member member = Plain(name, Type::kInteger);
  member.min = min;
  member.max = max;
  return member;
}

Member Text(std::string_view name, std::optional<int64_t> min, std::optional<int64_t> max,
            std::string_view pattern = "") {
  Member member = Plain(name, Type::kString);
  member.min = min;
  member.max = max;
  member.pattern = pattern;
  return member;
}

Member OneOf(std::string_view name, std::vector<std::string_view> values) {
  Member member = Plain(name, Type::kString);
  member.one_of = std::move(values);
  return member;
}

Member Structure(std::string_view name, Shape members) {
  Member member = Plain(name, Type::kStructure);
  member.members = std::move(members);
  return member;
}

Member Collection(std::string_view name, Type type, int64_t min, int64_t max, Shape of) {
  Member member = Plain(name, type);
  member.min = min;
  member.max = max;
  member.members = std::move(of);
  return member;
}

// Names of streams, consumers and shards.
Member Name(std::string_view name) { return Text(name, 1, 128, "[a-zA-Z0-9_.-]+"); }
Member StreamName() { return Name("StreamName"); }
Member StreamArn() {
  return Text("StreamARN", 1, kArnCharsMax, R"(arn:aws.*:kinesis:.*:\d{12}:stream/\S+)");
}
Member ConsumerArn() {
  return Text(
      "ConsumerARN", 1, kArnCharsMax,
      R"(^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+)");
}
Member ResourceArn() {
  return Required(Text("ResourceARN", 1, kArnCharsMax,
                       R"(arn:aws.*:kinesis:.*:\d{12}:.*(stream|channel|queue)/\S+)"));
}
// "Reserved for future use" in the model, but part of every input.
Member StreamId() { return Text("StreamId", 1, 24, "[a-z0-9]{20}-[a-z0-9]{3}"); }
// The model writes these two with ^(...)$, the service's messages without.
Member HashKey(std::string_view name) {
  return Text(name, std::nullopt, std::nullopt, R"(0|([1-9]\d{0,38}))");
}
Member SequenceNumber(std::string_view name) {
  return Text(name, std::nullopt, std::nullopt, R"(0|([1-9]\d{0,128}))");
}
Member NextToken() { return Text("NextToken", 1, kTokenCharsMax); }
Member Page(std::string_view name, int64_t max = kPageMax) { return Number(name, 1, max); }
Member DryRun() { return Flag("DryRun"); }
Member Data() {
  Member member = Required(Plain("Data", Type::kBlob));
  member.min = 0;
  member.max = kDataBytesMax;
  return member;
}
Member PartitionKey() { return Text("PartitionKey", 1, 256); }
Member TagKey(std::string_view name) { return Text(name, 1, 128); }
Member Tags() {
  return Collection("Tags", Type::kMap, 1, 200, {TagKey("key"), Text("value", 0, 256)});
}
Member TagKeys() { return Required(Collection("TagKeys", Type::kList, 1, 50, {TagKey("member")})); }
Member ShardMetrics() {
  return Required(Collection(
      "ShardLevelMetrics", Type::kList, 1, 7,
      {OneOf("member", {"IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords",
                        "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
                        "IteratorAgeMilliseconds", "ALL"})}));
}
// In the order that the service's own messages have.
Member IteratorType(std::string_view name) {
  return Required(OneOf(name, {"AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP",
                               "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"}));
}
Member ModeDetails() {
  return Structure("StreamModeDetails",
                   {Required(OneOf("StreamMode", {"PROVISIONED", "ON_DEMAND"}))});
}
Member ShardFilter() {
  return Structure(
      "ShardFilter",
      {Required(OneOf("Type", {"AFTER_SHARD_ID", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON",
                               "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"})),
       Name("ShardId"), Moment("Timestamp")});
}
Member WarmThroughput() { return Number("WarmThroughputMiBps", 0, std::nullopt); }
Member RecordSize() { return Number("MaxRecordSizeInKiB", 1024, 10'240); }
Member Distribution() {
  return OneOf("RecordDistributionStrategy", {"AUTO", "USER_PARTITION_KEY"});
}
Member RetentionHours() {
  return Required(Number("RetentionPeriodHours", std::nullopt, std::nullopt));
}
Member Encryption() { return Required(OneOf("EncryptionType", {"NONE", "KMS"})); }
Member KeyId() { return Required(Text("KeyId", 1, 2048)); }

using Table = std::map<std::string_view, Shape>;

void AddStreamInputs(Table& table) {
  table["CreateStream"] = {Required(StreamName()), Number("ShardCount", 1, std::nullopt),
                           ModeDetails(),          Tags(),
                           WarmThroughput(),       RecordSize(),
                           Distribution()};
  table["DeleteStream"] = {StreamName(), Flag("EnforceConsumerDeletion"), StreamArn(), StreamId()};
  table["DescribeStream"] = {StreamName(), Page("Limit"), Name("ExclusiveStartShardId"),
                             StreamArn(), StreamId()};
  table["DescribeStreamSummary"] = {StreamName(), StreamArn(), StreamId()};
  table["ListStreams"] = {Page("Limit"), Name("ExclusiveStartStreamName"), NextToken()};
  table["DecreaseStreamRetentionPeriod"] = {StreamName(), RetentionHours(), StreamArn(),
                                            StreamId()};
  table["IncreaseStreamRetentionPeriod"] = table["DecreaseStreamRetentionPeriod"];
  table["EnableEnhancedMonitoring"] = {StreamName(), ShardMetrics(), StreamArn(), StreamId()};
  table["DisableEnhancedMonitoring"] = table["EnableEnhancedMonitoring"];
  table["StartStreamEncryption"] = {StreamName(), Encryption(), KeyId(), StreamArn(), StreamId()};
  table["StopStreamEncryption"] = table["StartStreamEncryption"];
  table["UpdateMaxRecordSize"] = {StreamArn(), StreamId(), Required(RecordSize())};
  table["UpdateStreamMode"] = {Required(StreamArn()), StreamId(), Required(ModeDetails()),
                               WarmThroughput()};
  table["UpdateStreamRecordDistributionStrategy"] = {Required(StreamArn()), StreamId(),
                                                     Required(Distribution())};
  table["UpdateStreamWarmThroughput"] = {StreamArn(), StreamName(), StreamId(),
                                         Required(WarmThroughput())};
}

void AddShardInputs(Table& table) {
  table["ListShards"] = {StreamName(),
                         NextToken(),
                         Name("ExclusiveStartShardId"),
                         Page("MaxResults"),
                         Moment("StreamCreationTimestamp"),
                         ShardFilter(),
                         StreamArn(),
                         StreamId()};
  table["MergeShards"] = {StreamName(), Required(Name("ShardToMerge")),
                          Required(Name("AdjacentShardToMerge")), StreamArn(), StreamId()};
  table["SplitShard"] = {StreamName(), Required(Name("ShardToSplit")),
                         Required(HashKey("NewStartingHashKey")), StreamArn(), StreamId()};
  table["UpdateShardCount"] = {StreamName(), Required(Number("TargetShardCount", 1, std::nullopt)),
                               Required(OneOf("ScalingType", {"UNIFORM_SCALING"})), StreamArn(),
                               StreamId()};
}

void AddRecordInputs(Table& table) {
  table["GetRecords"] = {Required(Text("ShardIterator", 1, 512)), Page("Limit"), StreamArn(),
                         StreamId(), DryRun()};
  table["GetShardIterator"] = {StreamName(),
                               Required(Name("ShardId")),
                               IteratorType("ShardIteratorType"),
                               SequenceNumber("StartingSequenceNumber"),
                               Moment("Timestamp"),
                               StreamArn(),
                               StreamId(),
                               DryRun()};
  table["PutRecord"] = {StreamName(),
                        Data(),
                        PartitionKey(),
                        HashKey("ExplicitHashKey"),
                        SequenceNumber("SequenceNumberForOrdering"),
                        StreamArn(),
                        StreamId(),
                        DryRun()};
  Member entry = Structure("member", {Data(), HashKey("ExplicitHashKey"), PartitionKey()});
  table["PutRecords"] = {Required(Collection("Records", Type::kList, 1, 500, {entry})),
                         StreamName(), StreamArn(), StreamId(), DryRun()};
}

void AddConsumerInputs(Table& table) {
  table["RegisterStreamConsumer"] = {Required(StreamArn()), Required(Name("ConsumerName")),
                                     StreamId(), Tags()};
  table["DescribeStreamConsumer"] = {StreamArn(), Name("ConsumerName"), ConsumerArn(), StreamId()};
  table["DeregisterStreamConsumer"] = table["DescribeStreamConsumer"];
  table["ListStreamConsumers"] = {Required(StreamArn()), NextToken(), Page("MaxResults"),
                                  Moment("StreamCreationTimestamp"), StreamId()};
  Member position =
      Structure("StartingPosition",
                {IteratorType("Type"), SequenceNumber("SequenceNumber"), Moment("Timestamp")});
  table["SubscribeToShard"] = {Required(ConsumerArn()), StreamId(), Required(Name("ShardId")),
                               Required(position), DryRun()};
}

void AddTagAndPolicyInputs(Table& table) {
  table["AddTagsToStream"] = {StreamName(), Required(Tags()), StreamArn(), StreamId()};
  table["RemoveTagsFromStream"] = {StreamName(), TagKeys(), StreamArn(), StreamId()};
  table["ListTagsForStream"] = {StreamName(), TagKey("ExclusiveStartTagKey"), Page("Limit", 50),
                                StreamArn(), StreamId()};
  table["TagResource"] = {Required(Tags()), ResourceArn(), StreamId()};
  table["UntagResource"] = {TagKeys(), ResourceArn(), StreamId()};
  table["ListTagsForResource"] = {ResourceArn(), StreamId()};
  table["GetResourcePolicy"] = {ResourceArn(), StreamId()};
  table["DeleteResourcePolicy"] = {ResourceArn(), StreamId()};
  table["PutResourcePolicy"] = {ResourceArn(), StreamId(),
                                Required(Plain("Policy", Type::kString))};
}

void AddAccountInputs(Table& table) {
  table["DescribeAccountSettings"] = {};
  table["DescribeLimits"] = {};
  table["UpdateAccountSettings"] = {Required(Structure(
      "MinimumThroughputBillingCommitment", {Required(OneOf("Status", {"ENABLED", "DISABLED"}))}))};
}

const Table& Inputs() {
  static const Table& table = *[] {
    auto* made = new Table;
    AddStreamInputs(*made);
    AddShardInputs(*made);
    AddRecordInputs(*made);
    AddConsumerInputs(*made);
    AddTagAndPolicyInputs(*made);
    AddAccountInputs(*made);
    return made;
  }();
  return table;
}

constexpr std::string_view kNotOffered[] = {
    "AcknowledgeDeadLetterQueueRecords",
    "AcknowledgeQueueRecords",
    "CreateChannel",
    "CreateQueue",
    "DeleteChannel",
    "DeleteQueue",
    "DescribeChannel",
    "DescribeQueue",
    "ListChannels",
    "ListQueues",
    "ReceiveDeadLetterQueueRecords",
    "ReceiveQueueRecords",
    "RestoreDeadLetterQueueRecords",
    "UpdateChannel",
    "UpdateDeadLetterQueueRecordsVisibility",
    "UpdateQueue",
    "UpdateQueueRecordsVisibility",
};

}  // namespace

const Shape& KinesisInputShape(std::string_view operation) {
  auto found = Inputs().find(operation);
  CHECK(found != Inputs().end());
  return found->second;
}

std::span<const std::string_view> KinesisOperations() {
  static const auto& names = *[] {
    auto* made = new std::vector<std::string_view>;
    for (const auto& [name, shape] : Inputs()) made->push_back(name);
    return made;
  }();
  return names;
}

std::span<const std::string_view> KinesisOperationsNotOffered() { return kNotOffered; }

}  // namespace millrace::aws
