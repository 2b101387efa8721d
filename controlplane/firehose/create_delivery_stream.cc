#include "controlplane/firehose/operations.h"
#include "controlplane/firehose/read_destination.h"

namespace millrace::controlplane {

using json::Value;
using resources::DeliveryStreamSpec;

namespace {

constexpr size_t kDeliveryStreamsMax = 5000;

std::string OwnSecret(const DeliveryCatalog& catalog, const std::string& name) {
  return catalog.KeyFor(name).name + "-firehose";
}

// The Stream of a KinesisStreamARN, by its resource's name.
Result<std::string> StreamOf(FirehoseControl& control, const std::string& arn) {
  Value input;
  input.Set("StreamARN", arn);
  Result<StreamView> stream = control.streams.FindFor(input);
  if (!stream.ok()) return InvalidArgument(stream.status().message());
  const std::string& ns = control.deliveries.options().ns;
  if (stream->resource.key.ns != ns) {
    return InvalidArgument("Stream " + stream->name + " is in namespace " +
                           stream->resource.key.ns + ", and delivery streams of the API in " + ns +
                           "; make a DeliveryStream there with kubectl.");
  }
  return stream->resource.key.name;
}

// "arn:aws:kafka:...:cluster/<name>/<uuid>"
Result<std::string> ClusterOf(const std::string& arn) {
  constexpr std::string_view kMark = ":cluster/";
  const size_t mark = arn.find(kMark);
  if (mark == std::string::npos) return InvalidArgument("MSKClusterARN " + arn + " is invalid.");
  const std::string rest = arn.substr(mark + kMark.size());
  return rest.substr(0, rest.find('/'));
}

Status TakeStart(const Value& timestamp, resources::DeliverySource& source) {
  if (timestamp.is_null()) return OkStatus();
  const WallMs from = timestamp.AsTimestampMs();
  source.starting_position = from == 0 ? "TRIM_HORIZON" : "AT_TIMESTAMP";
  if (from != 0) source.starting_timestamp = resources::FormatTime(from);
  return OkStatus();
}

Status CheckSourceMembers(const Value& input, const std::string& type) {
  struct Member {
    std::string_view type;
    std::string_view name;
  };
  for (const auto& [of, name] :
       {Member{"KinesisStreamAsSource", "KinesisStreamSourceConfiguration"},
        Member{"MSKAsSource", "MSKSourceConfiguration"}}) {
    if (type == of && !input.Has(name)) {
      return InvalidArgument(std::string(name) + " must be specified when DeliveryStreamType is " +
                             type + ".");
    }
    if (type != of && input.Has(name)) {
      return InvalidArgument(std::string(name) + " is only supported when DeliveryStreamType is " +
                             std::string(of) + ".");
    }
  }
  return OkStatus();
}

Status TakeSource(FirehoseControl& control, const Value& input, DeliveryStreamSpec& spec) {
  const std::string& given = input["DeliveryStreamType"].AsString();
  const std::string type = given.empty() ? "DirectPut" : given;
  if (type == "DatabaseAsSource" || input.Has("DatabaseSourceConfiguration")) {
    return InvalidArgument("DatabaseAsSource is not offered by Millrace yet.");
  }
  RETURN_IF_ERROR(CheckSourceMembers(input, type));
  resources::DeliverySource& source = spec.source;
  if (type == "KinesisStreamAsSource") {
    source.type = "Stream";
    ASSIGN_OR_RETURN(
        source.stream_ref,
        StreamOf(control,
                 input.At("KinesisStreamSourceConfiguration", "KinesisStreamARN").AsString()));
  } else if (type == "MSKAsSource") {
    const Value& kafka = input["MSKSourceConfiguration"];
    source.type = "Kafka";
    ASSIGN_OR_RETURN(source.kafka.cluster_ref, ClusterOf(kafka["MSKClusterARN"].AsString()));
    source.topic_name = kafka["TopicName"].AsString();
    RETURN_IF_ERROR(TakeStart(kafka["ReadFromTimestamp"], source));
  } else {
    source.throughput_hint_in_mbs = static_cast<int32_t>(
        input.At("DirectPutSourceConfiguration", "ThroughputHintInMBs").AsInt(1));
  }
  return OkStatus();
}

Status CheckRoom(FirehoseControl& control, const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<DeliveryView> all, control.deliveries.List());
  for (const DeliveryView& view : all) {
    if (view.name != name) continue;
    return {Code::kResourceInUse, "Firehose " + name + " under accountId " +
                                      control.deliveries.options().account + " already exists"};
  }
  if (all.size() < kDeliveryStreamsMax) return OkStatus();
  return {Code::kLimitExceeded, "You have already consumed your firehose quota of " +
                                    std::to_string(kDeliveryStreamsMax) + " firehoses."};
}

Status WriteSecrets(FirehoseControl& control, const std::string& name,
                    const DestinationExtras& extras) {
  if (extras.secrets.empty()) return OkStatus();
  const resources::ResourceKey key{control.deliveries.options().ns,
                                   OwnSecret(control.deliveries, name)};
  return control.write_secret(key, extras.secrets).WithContext("Secret " + key.ToString());
}

std::string Now(FirehoseControl& control) { return resources::FormatTime(control.clock.WallNow()); }

DestinationExtras ExtrasOf(const resources::Resource& resource) {
  DestinationExtras extras;
  const auto said = resource.annotations.find(std::string(kApiAnnotation));
  if (said == resource.annotations.end()) return extras;
  auto parsed = json::ParseJson(said->second);
  if (parsed.ok()) extras.shown = *std::move(parsed);
  return extras;
}

Status CheckUpdate(const Value& input, const DeliveryView& view) {
  if (view.status != "ACTIVE") {
    return {Code::kResourceInUse,
            "Firehose " + view.name + " is not ACTIVE, instead in state " + view.status};
  }
  if (input["DestinationId"].AsString() != kDestinationId) {
    return InvalidArgument("Destination Id " + input["DestinationId"].AsString() +
                           " does not exist in Firehose " + view.name + ".");
  }
  return OkStatus();
}

Status CheckVersion(const Value& input, int64_t version) {
  const std::string& current = input["CurrentDeliveryStreamVersionId"].AsString();
  if (current == std::to_string(version)) return OkStatus();
  return {Code::kConflict, "Current VersionId of the delivery stream is " +
                               std::to_string(version) + ", which does not match " + current + "."};
}

}  // namespace

aws::OperationHandler CreateDeliveryStream(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    const std::string name = input["DeliveryStreamName"].AsString();
    RETURN_IF_ERROR(CheckRoom(control, name));
    DeliveryStreamSpec spec;
    RETURN_IF_ERROR(TakeSource(control, input, spec));
    ASSIGN_OR_RETURN(const RequestedDestination requested, FindDestination(input, "Configuration"));
    DestinationExtras extras;
    RETURN_IF_ERROR(TakeDestination(requested, OwnSecret(control.deliveries, name), spec, extras));
    RETURN_IF_ERROR(MergeDeliveryTags(input["Tags"], spec.tags));
    RETURN_IF_ERROR(TakeEncryption(input["DeliveryStreamEncryptionConfigurationInput"], spec));
    const Status good = DeliveryStreamSpec::Parse(spec.ToValue()).status();
    RETURN_IF_ERROR(good);
    RETURN_IF_ERROR(WriteSecrets(control, name, extras));
    ASSIGN_OR_RETURN(
        const DeliveryView created,
        control.deliveries.Create(name, spec,
                                  {{std::string(kApiAnnotation), json::WriteJson(extras.shown)}}));
    Value out;
    out.Set("DeliveryStreamARN", created.arn);
    return out;
  };
}

aws::OperationHandler UpdateDestination(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    const std::string name = input["DeliveryStreamName"].AsString();
    ASSIGN_OR_RETURN(const DeliveryView view, control.deliveries.Find(name));
    RETURN_IF_ERROR(CheckUpdate(input, view));
    ASSIGN_OR_RETURN(const RequestedDestination requested, FindDestination(input, "Update"));
    const auto change = [&](resources::Resource& resource, DeliveryStreamSpec& spec) -> Status {
      // Looked at again with every try, so that of two updates of one version one is told.
      RETURN_IF_ERROR(CheckVersion(input, VersionOf(resource, spec)));
      DestinationExtras extras = ExtrasOf(resource);
      RETURN_IF_ERROR(
          TakeDestination(requested, OwnSecret(control.deliveries, name), spec, extras));
      RETURN_IF_ERROR(WriteSecrets(control, name, extras));
      // An update that changes nothing, or a secret alone, is a version, too.
      resource.annotations.erase(std::string(resources::kFingerprintAnnotation));
      resource.annotations[std::string(kApiAnnotation)] = json::WriteJson(extras.shown);
      resource.annotations[std::string(kLastUpdateAnnotation)] = Now(control);
      return OkStatus();
    };
    RETURN_IF_ERROR(control.deliveries.Change(view, change));
    return Value(json::Object{});
  };
}

}  // namespace millrace::controlplane
