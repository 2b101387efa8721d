#include <algorithm>

#include "controlplane/kinesis/arn_target.h"
#include "controlplane/kinesis/operations.h"
#include "controlplane/kinesis/tag_rules.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::StreamSpec;

using resources::MapConsumer;

namespace {

constexpr int64_t kConsumersPerPageMax = 100;
constexpr int64_t kConsumersWithCommitment = 50;

Status ConsumerNotFound(const StreamView& view, const std::string& name) {
  return NotFound("Consumer " + name + " under stream " + view.arn + " not found.");
}

const MapConsumer* FindMapped(const StreamView& view, const std::string& name) {
  if (!view.map) return nullptr;
  for (const MapConsumer& consumer : view.map->consumers) {
    if (consumer.name == name) return &consumer;
  }
  return nullptr;
}

// Whether the data plane serves by the map there is.
bool IsApplied(const StreamView& view) {
  int64_t applied = view.resource.status["appliedMapVersion"].AsInt();
  return view.map && applied >= static_cast<int64_t>(view.map->serving_version);
}

// ConsumerARN, or StreamARN and ConsumerName, or all three where they agree.
Result<ArnTarget> FindTarget(KinesisControl& control, const json::Value& input) {
  const json::Value& arn = input["ConsumerARN"];
  const std::string& name = input["ConsumerName"].AsString();
  if (!arn.is_null()) {
    ASSIGN_OR_RETURN(ArnTarget target, FindByArn(control, arn.AsString()));
    bool differs = (!name.empty() && name != target.consumer) ||
                   (input.Has("StreamARN") && input["StreamARN"].AsString() != target.stream.arn);
    if (differs || target.consumer.empty()) {
      return InvalidArgument(
          "ConsumerARN, StreamARN and ConsumerName do not name the same consumer.");
    }
    return target;
  }
  if (name.empty() || !input.Has("StreamARN")) {
    return InvalidArgument("Either ConsumerARN, or StreamARN and ConsumerName must be provided.");
  }
  ArnTarget target;
  ASSIGN_OR_RETURN(target.stream, control.catalog.FindFor(input));
  target.consumer = name;
  if (!FindConsumer(target.stream.spec, name)) return ConsumerNotFound(target.stream, name);
  return target;
}

// The throughput commitment raises it for on-demand streams only (On-demand Advantage).
Result<int64_t> ConsumersMax(KinesisControl& control, const StreamView& view) {
  if (view.spec.stream_mode != "ON_DEMAND") return control.limits.consumers_max;
  ASSIGN_OR_RETURN(json::Value settings, ReadAccountSettings(control));
  bool committed = settings["Status"].AsString() != "DISABLED";
  return committed ? std::max(control.limits.consumers_max, kConsumersWithCommitment)
                   : control.limits.consumers_max;
}

}  // namespace

Handler RegisterStreamConsumer(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    if (view.status == "CREATING" || view.status == "DELETING") {
      return Status(Code::kResourceInUse, "Stream " + view.name + " under account " +
                                              control.catalog.options().account +
                                              " not ACTIVE, instead in state " + view.status);
    }
    std::string name = input["ConsumerName"].AsString();
    ASSIGN_OR_RETURN(int64_t most, ConsumersMax(control, view));
    auto changed = control.catalog.Change(view, [&](Resource&, StreamSpec& spec) -> Status {
      if (FindConsumer(spec, name)) {
        return {Code::kResourceInUse,
                "Consumer " + name + " under stream " + view.arn + " already exists."};
      }
      if (static_cast<int64_t>(spec.consumers.size()) >= most) {
        return {Code::kLimitExceeded, "Stream " + view.name + " has " + std::to_string(most) +
                                          " consumers already, the most it may have."};
      }
      StreamSpec::Consumer consumer;
      consumer.name = name;
      RETURN_IF_ERROR(MergeTags(input["Tags"], consumer.tags));
      spec.consumers.push_back(std::move(consumer));
      return OkStatus();
    });
    if (!changed.ok()) return changed.status();
    // The ARN holds the moment the operator took it up, so the answer waits for that, and for the
    // data plane: a consumer that is said to be there can subscribe.
    ASSIGN_OR_RETURN(StreamView seen,
                     control.catalog.WaitUntil(view.name, [&](const StreamView& now) {
                       return FindMapped(now, name) && IsApplied(now);
                     }));
    json::Value out;
    json::Value consumer = DescribeConsumer(*FindMapped(seen, name), seen, false);
    consumer.Set("ConsumerStatus", "CREATING");
    out.Set("Consumer", std::move(consumer));
    return out;
  };
}

Handler DeregisterStreamConsumer(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(ArnTarget target, FindTarget(control, input));
    RETURN_IF_ERROR(
        control.catalog.ChangeAndWait(target.stream, [&](Resource&, StreamSpec& spec) -> Status {
          auto gone =
              std::erase_if(spec.consumers, [&](auto& c) { return c.name == target.consumer; });
          return gone ? OkStatus() : ConsumerNotFound(target.stream, target.consumer);
        }));
    return json::Value(json::Object{});
  };
}

Handler DescribeStreamConsumer(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(ArnTarget target, FindTarget(control, input));
    const MapConsumer* consumer = FindMapped(target.stream, target.consumer);
    if (!consumer) return ConsumerNotFound(target.stream, target.consumer);
    json::Value out;
    out.Set("ConsumerDescription", DescribeConsumer(*consumer, target.stream, true));
    return out;
  };
}

Handler ListStreamConsumers(KinesisControl& control) {
  return [&control](const aws::RequestContext&, json::Value input) -> Result<json::Value> {
    ASSIGN_OR_RETURN(StreamView view, control.catalog.FindFor(input));
    std::string after;
    if (const json::Value& token = input["NextToken"]; !token.is_null()) {
      ASSIGN_OR_RETURN(json::Value position,
                       control.tokens.Read("ListStreamConsumers", token.AsString()));
      if (position["stream"].AsString() != view.arn)
        return InvalidArgument("The NextToken is not valid.");
      after = position["after"].AsString();
    }
    std::vector<MapConsumer> consumers =
        view.map ? view.map->consumers : std::vector<MapConsumer>{};
    std::sort(consumers.begin(), consumers.end(), [](auto& a, auto& b) { return a.name < b.name; });
    int64_t limit = std::min(input["MaxResults"].AsInt(kConsumersPerPageMax), kConsumersPerPageMax);
    json::Value list = json::Array{};
    json::Value out;
    for (const MapConsumer& consumer : consumers) {
      if (!after.empty() && consumer.name <= after) continue;
      if (static_cast<int64_t>(list.AsArray().size()) == limit) {
        json::Value position;
        position.Set("stream", view.arn);
        position.Set("after", list.AsArray().back()["ConsumerName"]);
        out.Set("NextToken", control.tokens.Make("ListStreamConsumers", position));
        break;
      }
      list.Append(DescribeConsumer(consumer, view, false));
    }
    out.Set("Consumers", std::move(list));
    return out;
  };
}

}  // namespace millrace::controlplane
