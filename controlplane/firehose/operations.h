#pragma once

#include "controlplane/firehose/firehose_service.h"

namespace millrace::controlplane {

// The control operations, one a file or a few that belong together.
aws::OperationHandler CreateDeliveryStream(FirehoseControl& control);
aws::OperationHandler UpdateDestination(FirehoseControl& control);
// delivery_streams.cc
aws::OperationHandler DeleteDeliveryStream(FirehoseControl& control);
aws::OperationHandler DescribeDeliveryStream(FirehoseControl& control);
aws::OperationHandler ListDeliveryStreams(FirehoseControl& control);
// PutRecord of a delivery stream that has no stream of its own: says why.
aws::OperationHandler RefusePut(FirehoseControl& control);
// delivery_stream_tags.cc
aws::OperationHandler ListTagsForDeliveryStream(FirehoseControl& control);
aws::OperationHandler TagDeliveryStream(FirehoseControl& control);
aws::OperationHandler UntagDeliveryStream(FirehoseControl& control);
// delivery_stream_encryption.cc
aws::OperationHandler StartDeliveryStreamEncryption(FirehoseControl& control);
aws::OperationHandler StopDeliveryStreamEncryption(FirehoseControl& control);

// "DirectPut", "KinesisStreamAsSource", "MSKAsSource".
std::string_view DeliveryStreamTypeOf(const resources::DeliveryStreamSpec& spec);
// Adds [{Key, Value}] to `tags`; kInvalidArgument past 50 and for "aws:" keys.
Status MergeDeliveryTags(const json::Value& added, std::map<std::string, std::string>& tags);
// KeyType and KeyARN into the spec; what goes with what is checked.
Status TakeEncryption(const json::Value& input, resources::DeliveryStreamSpec& spec);

inline constexpr std::string_view kDestinationId = "destinationId-000000000001";
// On the resource: members of the API's destination that a resource has no field for, so that
// Describe shows them (RoleARN, CloudWatchLoggingOptions, VpcConfiguration); without secrets.
inline constexpr std::string_view kApiAnnotation = "millrace.dev/firehose-destination";
inline constexpr std::string_view kLastUpdateAnnotation = "millrace.dev/last-update";

}  // namespace millrace::controlplane
