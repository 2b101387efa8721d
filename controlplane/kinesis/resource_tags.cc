#include "controlplane/kinesis/arn_target.h"
#include "controlplane/kinesis/operations.h"
#include "controlplane/kinesis/tag_rules.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

// Changes the tags of a stream or of a consumer, whichever the ARN names.
Result<json::Value> ChangeTags(KinesisControl& control, const json::Value& input,
                               const std::function<Status(Tags&)>& change) {
  ASSIGN_OR_RETURN(ArnTarget target, FindByArn(control, input["ResourceARN"].AsString()));
  RETURN_IF_ERROR(
      control.catalog.ChangeAndWait(target.stream, [&](Resource&, StreamSpec& spec) -> Status {
        if (target.consumer.empty()) return change(spec.tags);
        StreamSpec::Consumer* consumer = FindConsumer(spec, target.consumer);
        if (!consumer) return NotFound("Consumer " + target.consumer + " not found.");
        return change(consumer->tags);
      }));
  return json::Value(json::Object{});
}

}  // namespace

Handler TagResource(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) {
    return ChangeTags(control, input, [&](Tags& tags) { return MergeTags(input["Tags"], tags); });
  };
}

Handler UntagResource(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) {
    return ChangeTags(control, input, [&](Tags& tags) {
      RemoveTags(input["TagKeys"], tags);
      return OkStatus();
    });
  };
}

Handler ListTagsForResource(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(ArnTarget target, FindByArn(control, input["ResourceARN"].AsString()));
    StreamSpec& spec = target.stream.spec;
    json::Value out;
    out.Set("Tags", TagList(target.consumer.empty() ? spec.tags
                                                    : FindConsumer(spec, target.consumer)->tags));
    return out;
  };
}

}  // namespace millrace::controlplane
