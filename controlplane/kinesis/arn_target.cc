#include "controlplane/kinesis/arn_target.h"

#include <algorithm>

#include "common/aws/arn.h"

namespace millrace::controlplane {

resources::StreamSpec::Consumer* FindConsumer(resources::StreamSpec& spec,
                                              const std::string& name) {
  for (resources::StreamSpec::Consumer& consumer : spec.consumers) {
    if (consumer.name == name) return &consumer;
  }
  return nullptr;
}

Result<ArnTarget> FindByArn(KinesisControl& control, const std::string& arn) {
  ArnTarget target;
  Result<aws::ConsumerArn> consumer = aws::ParseConsumerArn(arn);
  json::Value by_arn;
  by_arn.Set("StreamARN", consumer.ok() ? consumer->stream.ToString() : arn);
  ASSIGN_OR_RETURN(target.stream, control.catalog.FindFor(by_arn));
  if (!consumer.ok()) return target;
  target.consumer = consumer->name;
  const auto gone = [&] {
    return NotFound("Consumer " + consumer->name + " under stream " + target.stream.arn +
                    " not found.");
  };
  if (!FindConsumer(target.stream.spec, consumer->name)) return gone();
  // The creation time in the ARN names one incarnation of the consumer.
  for (const resources::MapConsumer& known :
       target.stream.map ? target.stream.map->consumers : std::vector<resources::MapConsumer>{}) {
    if (known.name == consumer->name && known.created_ms / 1000 != consumer->created_s) {
      return gone();
    }
  }
  return target;
}

}  // namespace millrace::controlplane
