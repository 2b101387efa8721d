#include "controlplane/kinesis/arn_target.h"
#include "controlplane/kinesis/operations.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

namespace {

constexpr size_t kPolicyBytesMax = 20'480;

std::string& PolicyOf(StreamSpec& spec, const std::string& consumer) {
  return consumer.empty() ? spec.resource_policy : FindConsumer(spec, consumer)->resource_policy;
}

Result<json::Value> SetPolicy(KinesisControl& control, const ArnTarget& target,
                              const std::string& policy) {
  RETURN_IF_ERROR(
      control.catalog.ChangeAndWait(target.stream, [&](Resource&, StreamSpec& spec) -> Status {
        if (!target.consumer.empty() && !FindConsumer(spec, target.consumer)) {
          return NotFound("Consumer " + target.consumer + " not found.");
        }
        PolicyOf(spec, target.consumer) = policy;
        return OkStatus();
      }));
  return json::Value(json::Object{});
}

}  // namespace

Handler PutResourcePolicy(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(ArnTarget target, FindByArn(control, input["ResourceARN"].AsString()));
    const std::string& policy = input["Policy"].AsString();
    if (policy.size() > kPolicyBytesMax) {
      return InvalidArgument("Policy must not be longer than " + std::to_string(kPolicyBytesMax) +
                             " bytes.");
    }
    Result<json::Value> parsed = json::ParseJson(policy);
    if (!parsed.ok() || !parsed->is_object() || !parsed->Has("Statement")) {
      return InvalidArgument("Policy is not a valid policy document.");
    }
    return SetPolicy(control, target, policy);
  };
}

Handler GetResourcePolicy(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(ArnTarget target, FindByArn(control, input["ResourceARN"].AsString()));
    const std::string& policy = PolicyOf(target.stream.spec, target.consumer);
    if (policy.empty())
      return NotFound("No resource policy found for resource ARN " +
                      input["ResourceARN"].AsString());
    json::Value out;
    out.Set("Policy", policy);
    return out;
  };
}

Handler DeleteResourcePolicy(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(ArnTarget target, FindByArn(control, input["ResourceARN"].AsString()));
    if (PolicyOf(target.stream.spec, target.consumer).empty()) {
      return NotFound("No resource policy found for resource ARN " +
                      input["ResourceARN"].AsString());
    }
    return SetPolicy(control, target, "");
  };
}

}  // namespace millrace::controlplane
