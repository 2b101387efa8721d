#include <algorithm>

#include "controlplane/firehose/describe_destination.h"
#include "controlplane/firehose/operations.h"

namespace millrace::controlplane {

using json::Value;
using resources::DeliveryStreamSpec;

namespace {

constexpr int64_t kNamesPerPage = 10;

json::Timestamp Moment(const std::string& text) { return {resources::ParseTime(text).value_or(0)}; }

Value DescribeSource(const DeliveryView& view, DeliveryCatalog& deliveries) {
  const CatalogOptions& options = deliveries.options();
  const resources::DeliverySource& source = view.spec.source;
  Value out = json::Object{};
  const std::string arn = ":" + options.region + ":" + options.account + ":";
  const std::string role = "arn:aws:iam::" + options.account + ":role/millrace";
  const json::Timestamp start = Moment(view.resource.creation_timestamp);
  if (source.type == "Stream") {
    Value& stream = out["KinesisStreamSourceDescription"];
    stream.Set("KinesisStreamARN",
               "arn:aws:kinesis" + arn + "stream/" + deliveries.SourceStreamName(view));
    stream.Set("RoleARN", role);
    stream.Set("DeliveryStartTimestamp", start);
  } else if (source.type == "Kafka") {
    Value& kafka = out["MSKSourceDescription"];
    kafka.Set("MSKClusterARN", "arn:aws:kafka" + arn + "cluster/" + source.kafka.cluster_ref +
                                   "/00000000-0000-0000-0000-000000000000-1");
    kafka.Set("TopicName", source.topic_name);
    kafka.Set("DeliveryStartTimestamp", start);
  } else {
    out["DirectPutSourceDescription"].Set("ThroughputHintInMBs", source.throughput_hint_in_mbs);
  }
  return out;
}

Value DescribeEncryption(const DeliveryView& view) {
  Value out;
  const bool wanted = view.spec.encryption_type == "KMS";
  const std::string& seen = view.resource.status["encryptionStatus"].AsString();
  const bool settled = seen == (wanted ? "ENABLED" : "DISABLED");
  const bool enabled_before = seen == "ENABLED" || seen == "DISABLING";
  out.Set("Status", settled          ? (wanted ? "ENABLED" : "DISABLED")
                    : wanted         ? "ENABLING"
                    : enabled_before ? "DISABLING"
                                     : "DISABLED");
  if (!wanted) return out;
  const std::string& key = view.spec.encryption_key_id;
  out.Set("KeyType", key.empty() ? "AWS_OWNED_CMK" : "CUSTOMER_MANAGED_CMK");
  if (!key.empty()) out.Set("KeyARN", key);
  return out;
}

Value DescribeFailure(const Value& failure) {
  Value out;
  out.Set("Type", failure["type"]);
  out.Set("Details", failure["details"]);
  return out;
}

Value Describe(const DeliveryView& view, DeliveryCatalog& deliveries) {
  Value out;
  out.Set("DeliveryStreamName", view.name);
  out.Set("DeliveryStreamARN", view.arn);
  out.Set("DeliveryStreamStatus", view.status);
  const resources::Resource& resource = view.resource;
  if (view.status == "CREATING_FAILED") {
    out.Set("FailureDescription", DescribeFailure(resource.status["failure"]));
  }
  if (view.spec.source.type == "DirectPut") {
    out.Set("DeliveryStreamEncryptionConfiguration", DescribeEncryption(view));
  }
  out.Set("DeliveryStreamType", DeliveryStreamTypeOf(view.spec));
  out.Set("VersionId", std::to_string(view.version));
  out.Set("CreateTimestamp", Moment(resource.creation_timestamp));
  const auto updated = resource.annotations.find(std::string(kLastUpdateAnnotation));
  if (updated != resource.annotations.end()) {
    out.Set("LastUpdateTimestamp", Moment(updated->second));
  }
  out.Set("Source", DescribeSource(view, deliveries));
  out.Set("Destinations", json::Array{DescribeDestination(view)});
  out.Set("HasMoreDestinations", false);
  return out;
}

}  // namespace

std::string_view DeliveryStreamTypeOf(const DeliveryStreamSpec& spec) {
  if (spec.source.type == "Stream") return "KinesisStreamAsSource";
  return spec.source.type == "Kafka" ? "MSKAsSource" : "DirectPut";
}

aws::OperationHandler DescribeDeliveryStream(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view,
                     control.deliveries.Find(input["DeliveryStreamName"].AsString()));
    Value out;
    out.Set("DeliveryStreamDescription", Describe(view, control.deliveries));
    return out;
  };
}

aws::OperationHandler DeleteDeliveryStream(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view,
                     control.deliveries.Find(input["DeliveryStreamName"].AsString()));
    if (view.status == "CREATING") {
      return Status(Code::kResourceInUse, "Firehose " + view.name + " under account " +
                                              control.deliveries.options().account +
                                              " is in state CREATING and cannot be deleted");
    }
    if (view.spec.deletion_protection == "Enabled") {
      return Status(
          Code::kResourceInUse,
          "Firehose " + view.name + " has deletionProtection: Enabled; set it to Disabled first");
    }
    RETURN_IF_ERROR(control.deliveries.Delete(view));
    return Value(json::Object{});
  };
}

aws::OperationHandler ListDeliveryStreams(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const std::vector<DeliveryView> all, control.deliveries.List());
    const int64_t limit = input["Limit"].AsInt(kNamesPerPage);
    const std::string& after = input["ExclusiveStartDeliveryStreamName"].AsString();
    const std::string& type = input["DeliveryStreamType"].AsString();
    Value names = json::Array{};
    bool more = false;
    for (const DeliveryView& view : all) {
      if (!after.empty() && view.name <= after) continue;
      if (!type.empty() && DeliveryStreamTypeOf(view.spec) != type) continue;
      more = static_cast<int64_t>(names.AsArray().size()) == limit;
      if (more) break;
      names.Append(view.name);
    }
    Value out;
    out.Set("DeliveryStreamNames", std::move(names));
    out.Set("HasMoreDeliveryStreams", more);
    return out;
  };
}

aws::OperationHandler RefusePut(FirehoseControl& control) {
  return [&control](const aws::RequestContext&, const Value& input) -> Result<Value> {
    ASSIGN_OR_RETURN(const DeliveryView view,
                     control.deliveries.Find(input["DeliveryStreamName"].AsString()));
    if (view.spec.source.type != "DirectPut") {
      return InvalidArgument("This operation is not permitted on " +
                             std::string(DeliveryStreamTypeOf(view.spec)) +
                             " delivery stream type.");
    }
    return Unavailable("The delivery stream is not ready yet. Slow down.");
  };
}

}  // namespace millrace::controlplane
