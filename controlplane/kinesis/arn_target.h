#pragma once

#include <string>

#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

// What a ResourceARN names: a stream, or one of its consumers.
struct ArnTarget {
  StreamView stream;
  std::string consumer;  // "" for the stream itself
};

// kInvalidArgument for what is no ARN of ours, kNotFound for what is not there.
Result<ArnTarget> FindByArn(KinesisControl& control, const std::string& arn);

// The consumer of that name in a spec, or nullptr.
resources::StreamSpec::Consumer* FindConsumer(resources::StreamSpec& spec, const std::string& name);

}  // namespace millrace::controlplane
