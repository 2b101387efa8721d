#include "operator/delivery_stream/delivery_stream_plan.h"

#include <algorithm>

#include "common/resources/stream_resource.h"

namespace millrace::op {

using resources::DeliveryPlan;
using resources::DeliveryStreamSpec;
using resources::Resource;
using resources::ResourceKey;

namespace {

constexpr Duration kLookWhileCreating = std::chrono::milliseconds(250);

bool HasFinalizer(const Resource& resource) {
  return std::find(resource.finalizers.begin(), resource.finalizers.end(), kDeliveryFinalizer) !=
         resource.finalizers.end();
}

std::string Join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

bool IsActive(const std::optional<Resource>& stream) {
  const std::string word = stream ? stream->status["streamStatus"].AsString() : "";
  return word == "ACTIVE" || word == "UPDATING";
}

DeliveryVerdict ResolveSource(const DeliveryInput& input, const DeliveryStreamSpec& spec) {
  if (spec.source.type == "Kafka") {
    if (spec.source.kafka.bootstrap_servers.empty()) {
      return {false, "KafkaClusterUnsupported",
              "source.kafka.clusterRef: KafkaCluster resources are not served yet; give "
              "bootstrapServers"};
    }
    return {true, "KafkaBootstrap", "topic " + spec.source.topic_name};
  }
  if (!input.source_problem.empty()) return {false, "Creating", input.source_problem};
  const bool direct = spec.source.type == "DirectPut";
  if (!input.source) {
    if (direct) return {false, "Creating", "waiting for the stream that PutRecord writes to"};
    return {false, "StreamNotFound",
            "source.stream.streamRef: there is no Stream " + input.resource.key.ns + "/" +
                spec.source.stream_ref};
  }
  if (!IsActive(input.source)) {
    return {false, direct ? "Creating" : "StreamNotActive",
            "Stream " + input.source->key.ToString() + " is not ACTIVE yet"};
  }
  return {true, direct ? "DirectPut" : "StreamReady", input.source->key.ToString()};
}

bool TakesDefaultS3(const DeliveryStreamSpec& spec) {
  const auto takes = [](const resources::S3Destination& s3) {
    return s3.credentials_secret.empty();
  };
  const auto& to = spec.destination;
  return (to.s3 && takes(*to.s3)) || (to.redshift && takes(to.redshift->s3)) ||
         (spec.backup.s3 && takes(*spec.backup.s3));
}

bool KeepsFiles(const DeliveryStreamSpec& spec) {
  return spec.destination.folder.has_value() || spec.backup.folder.has_value();
}

bool NeedsColumns(const DeliveryStreamSpec& spec) {
  const resources::ObjectLayout* objects = spec.objects();
  return objects != nullptr && objects->converts() &&
         objects->data_format_conversion->schema.columns.empty();
}

// The hidden Stream's spec follows what of the DeliveryStream's concerns it.
void FollowHiddenStream(const DeliveryInput& input, const DeliveryStreamSpec& spec,
                        DeliverySteps& steps) {
  if (spec.source.type != "DirectPut") return;
  const Resource wanted = HiddenStream(input.resource, spec);
  if (!input.source) {
    steps.create_source = wanted;
    return;
  }
  const auto there = resources::StreamSpec::Parse(input.source->spec);
  const auto asked = resources::StreamSpec::Parse(wanted.spec);
  if (!there.ok() || !asked.ok()) return;
  if (there->encryption_type != asked->encryption_type || there->key_id != asked->key_id) {
    steps.update_source = *input.source;
    steps.update_source->spec.Set("encryption", wanted.spec["encryption"]);
  }
}

void PlanDeletion(const DeliverySettings& settings, const DeliveryInput& input,
                  const Result<DeliveryStreamSpec>& spec, DeliverySteps& steps) {
  const bool keeps = spec.ok() && spec->deletion_policy == "Retain" &&
                     spec->management_policy == "Full" && ResolveDelivery(input, spec).value;
  const auto since = resources::ParseTime(*input.resource.deletion_timestamp);
  const auto waited = std::chrono::milliseconds(since ? input.now - *since : 0);
  if (keeps && !IsDrained(input) && waited < settings.flush_within) {
    DeliveryPlan plan = MakeDeliveryPlan(settings, input, *spec);
    plan.state = "Flushing";
    steps.orders = {input.resource.key, input.resource.uid, plan.ToText(), 1, KeepsFiles(*spec)};
    steps.status = DeliveryStatus(settings, input, spec);
    steps.again = settings.observe_every;
    return;
  }
  if (keeps) {
    json::Value status = DeliveryStatus(settings, input, spec);
    if (status != input.resource.status) steps.status = std::move(status);
  }
  steps.stop = true;
  steps.delete_cursors = input.cursors.has_value();
  steps.delete_source = spec.ok() && spec->source.type == "DirectPut" && input.source;
  steps.remove_finalizer = true;
}

}  // namespace

ResourceKey HiddenStreamKey(const Resource& delivery_stream) {
  return {delivery_stream.key.ns, delivery_stream.key.name + "-direct-put"};
}

Resource HiddenStream(const Resource& delivery_stream, const DeliveryStreamSpec& spec) {
  constexpr int32_t kShardsFirst = 4;
  constexpr int32_t kShardsMost = 64;
  resources::StreamSpec stream;
  stream.stream_name = resources::HiddenStreamName(DeliveryStreamNameOf(delivery_stream));
  stream.shard_count = std::clamp(spec.source.throughput_hint_in_mbs, kShardsFirst, kShardsMost);
  stream.encryption_type = spec.encryption_type;
  if (spec.encryption_type == "KMS") {
    stream.key_id = spec.encryption_key_id.empty() ? "alias/aws/firehose" : spec.encryption_key_id;
  }
  Resource hidden;
  hidden.kind = resources::kStreamKind;
  hidden.key = HiddenStreamKey(delivery_stream);
  hidden.labels[std::string(resources::kHiddenAnnotation)] = "true";
  hidden.annotations[std::string(resources::kHiddenAnnotation)] = "true";
  hidden.spec = stream.ToValue();
  return hidden;
}

ResourceKey CursorStreamKey(const Resource& delivery_stream) {
  return {delivery_stream.key.ns, delivery_stream.key.name + "-cursors"};
}

Resource CursorStream(const Resource& delivery_stream) {
  // Long enough that no pause of all workers outlasts it unnoticed; the log of a busy shard has
  // some 90 MB then.
  constexpr int32_t kRetentionHours = 168;
  resources::StreamSpec stream;
  stream.stream_name =
      resources::HiddenStreamName(DeliveryStreamNameOf(delivery_stream)) + "-cursors";
  stream.shard_count = 1;
  stream.scaling_mode = "Off";  // the order of one shard is the point
  stream.retention_period_hours = kRetentionHours;
  Resource hidden;
  hidden.kind = resources::kStreamKind;
  hidden.key = CursorStreamKey(delivery_stream);
  hidden.labels[std::string(resources::kHiddenAnnotation)] = "true";
  hidden.annotations[std::string(resources::kHiddenAnnotation)] = "true";
  hidden.spec = stream.ToValue();
  return hidden;
}

std::string DeliveryStreamArn(const DeliverySettings& settings, std::string_view name) {
  return "arn:aws:firehose:" + settings.region + ":" + settings.account + ":deliverystream/" +
         std::string(name);
}

DeliveryVerdict ResolveDelivery(const DeliveryInput& input,
                                const Result<DeliveryStreamSpec>& spec) {
  if (!spec.ok()) return {false, "InvalidSpec", spec.status().message()};
  if (!input.name_taken_by.empty()) {
    return {false, "NameTaken",
            "delivery stream name " + DeliveryStreamNameOf(input.resource) + " belongs to " +
                input.name_taken_by + "; give this one another spec.deliveryStreamName"};
  }
  if (!input.secrets_missing.empty()) {
    return {false, "SecretMissing",
            "there is no Secret " + Join(input.secrets_missing) + " in namespace " +
                input.resource.key.ns};
  }
  if (!input.s3_default_problem.empty() && TakesDefaultS3(*spec)) {
    return {false, "SecretMissing", input.s3_default_problem};
  }
  if (NeedsColumns(*spec)) {
    return {false, "SchemaMissing",
            "dataFormatConversion.schemaTable.columns: there is no schema registry yet that knows "
            "the table; give the columns"};
  }
  const auto& kafka = spec->destination.kafka;
  if (kafka && kafka->connection.bootstrap_servers.empty()) {
    return {false, "KafkaClusterUnsupported",
            "destination.kafka.clusterRef: KafkaCluster resources are not served yet; give "
            "bootstrapServers"};
  }
  if (spec->destination.stream && !input.destination) {
    return {false, "StreamNotFound",
            "destination.stream.streamRef: there is no Stream " + input.resource.key.ns + "/" +
                spec->destination.stream->stream_ref};
  }
  return ResolveSource(input, *spec);
}

DeliveryPlan MakeDeliveryPlan(const DeliverySettings& settings, const DeliveryInput& input,
                              const DeliveryStreamSpec& spec) {
  DeliveryPlan plan;
  plan.ns = input.resource.key.ns;
  plan.resource_name = input.resource.key.name;
  plan.uid = input.resource.uid;
  plan.generation = input.resource.generation;
  plan.delivery_stream_name = DeliveryStreamNameOf(input.resource);
  plan.delivery_stream_arn = DeliveryStreamArn(settings, plan.delivery_stream_name);
  plan.region = settings.region;
  plan.account_id = settings.account;
  plan.version_id = std::to_string(VersionOf(input.resource, spec));
  plan.state = spec.management_policy == "Paused" ? "Paused" : "Running";
  plan.spec = spec;
  plan.source.endpoint = settings.source_endpoint;
  plan.source.region = settings.region;
  plan.source.internal_token = settings.internal_token;
  plan.source.ca_pem = settings.source_ca;
  if (spec.destination.stream && input.destination) {
    plan.destination = plan.source;
    plan.destination.stream_name = StreamNameOf(*input.destination);
    plan.destination.stream_arn = input.destination->status["streamARN"].AsString();
  }
  if (input.source) {
    plan.source.stream_name = StreamNameOf(*input.source);
    plan.source.stream_arn = input.source->status["streamARN"].AsString();
  }
  plan.created_at_ms = resources::ParseTime(input.resource.creation_timestamp).value_or(0);
  plan.cursor_stream = StreamNameOf(CursorStream(input.resource));
  plan.cursor_table = "delivery/" + input.resource.uid;
  plan.s3_default = settings.s3_default;
  plan.folder_root = settings.folder_root;
  plan.secrets = input.secrets;
  return plan;
}

ScalingDecision ScaleDelivery(const DeliverySettings& settings, const DeliveryInput& input,
                              const DeliveryStreamSpec& spec) {
  ScalingInput in;
  in.scaling = spec.scaling;
  in.asked = spec.workers;
  const json::Value& before = input.resource.status["scaling"];
  in.decided = static_cast<int32_t>(before["recommendedWorkers"].AsInt());
  in.decided_ms = resources::ParseTime(before["lastScaleTime"].AsString()).value_or(0);
  const int64_t shards = input.source ? input.source->status["openShardCount"].AsInt() : 0;
  in.useful_max = settings.workers_max;
  if (shards > 0) in.useful_max = std::min(in.useful_max, static_cast<int32_t>(shards));
  in.now = input.now;
  const bool is_dry = spec.scaling.mode == "DryRun";
  in.is_complete = input.observed.running == (is_dry ? in.asked : in.decided);
  if (const auto& report = input.observed.report) {
    in.is_flowing = report->source.state != "Failing" && report->destination.state != "Failing" &&
                    report->generation == input.resource.generation && report->state == "Running";
    const WallMs oldest = report->oldest_undelivered_ms;
    const int64_t age = oldest == 0 ? 0 : (input.now - oldest) / 1000;
    in.behind_seconds = std::max<int64_t>(0, age - spec.buffering().interval_in_seconds);
  }
  return DecideWorkers(in);
}

DeliverySteps PlanDelivery(const DeliverySettings& settings, const DeliveryInput& input) {
  DeliverySteps steps;
  const Result<DeliveryStreamSpec> spec = DeliveryStreamSpec::Parse(input.resource.spec);
  if (input.resource.deletion_timestamp) {
    if (HasFinalizer(input.resource)) PlanDeletion(settings, input, spec, steps);
    return steps;
  }
  const bool acts = spec.ok() && spec->management_policy != "Observe";
  if (acts) {
    Resource versioned = input.resource;
    SetVersion(versioned, *spec);
    steps.update_metadata =
        !HasFinalizer(input.resource) || versioned.annotations != input.resource.annotations;
    if (steps.update_metadata) return steps;
    if (input.name_taken_by.empty()) FollowHiddenStream(input, *spec, steps);
    const bool has_cursors = spec->source.type != "Kafka" && input.name_taken_by.empty();
    if (has_cursors && !input.cursors) steps.create_cursors = CursorStream(input.resource);
    if (ResolveDelivery(input, spec).value) {
      const DeliveryPlan plan = MakeDeliveryPlan(settings, input, *spec);
      steps.orders = {input.resource.key, input.resource.uid, plan.ToText(),
                      ScaleDelivery(settings, input, *spec).run, KeepsFiles(*spec)};
    }
  }
  json::Value status = DeliveryStatus(settings, input, spec);
  if (status != input.resource.status) steps.status = std::move(status);
  const bool is_being_made = ResolveDelivery(input, spec).reason == "Creating";
  steps.again =
      is_being_made ? std::min(settings.observe_every, kLookWhileCreating) : settings.observe_every;
  return steps;
}

}  // namespace millrace::op
