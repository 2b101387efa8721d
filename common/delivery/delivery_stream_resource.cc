#include "common/delivery/delivery_stream_resource.h"

#include <algorithm>
#include <utility>

#include "common/delivery/delivery_processors.h"

namespace millrace::resources {
namespace {

using json::Value;

constexpr std::string_view kNotYet = "Iceberg and Snowflake are not there yet";

void VisitSource(FieldVisitor& in, DeliverySource& source) {
  in.OneOf("type", source.type, {"DirectPut", "Stream", "Kafka"});
  bool direct = source.type == "DirectPut";
  in.Optional("directPut", direct, [&](FieldVisitor& put) {
    put.Int("throughputHintInMBs", source.throughput_hint_in_mbs, 1, 100);
  });
  const auto visit_start = [&](FieldVisitor& start) {
    start.OneOf("startingPosition", source.starting_position,
                {"TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"});
    start.Text("startingTimestamp", source.starting_timestamp, {.chars_max = 64});
    const bool timed = source.starting_position == "AT_TIMESTAMP";
    const std::string& moment = source.starting_timestamp;
    if (timed == moment.empty() || (timed && !ParseTime(moment))) {
      start.Add("startingTimestamp",
                "AT_TIMESTAMP needs a moment such as 2026-11-21T12:00:00Z, and "
                "nothing else takes one");
    }
  };
  bool stream = source.type == "Stream";
  in.Optional("stream", stream, [&](FieldVisitor& from) {
    from.RequiredObject("streamRef", [&](FieldVisitor& ref) {
      ref.RequiredText("name", source.stream_ref, {.chars_max = 253});
    });
    visit_start(from);
  });
  bool kafka = source.type == "Kafka";
  in.Optional("kafka", kafka, [&](FieldVisitor& from) {
    VisitKafkaConnection(from, source.kafka);
    from.RequiredText("topicName", source.topic_name, {.chars_max = 249, .is_stream_name = true});
    visit_start(from);
  });
  if (stream != (source.type == "Stream")) in.Add("stream", "goes with type Stream");
  if (kafka != (source.type == "Kafka")) in.Add("kafka", "goes with type Kafka");
  if (direct && source.type != "DirectPut") in.Add("directPut", "goes with type DirectPut");
}

template <typename T>
void VisitMember(FieldVisitor& in, const DeliveryDestination& to, std::string_view type,
                 std::pair<std::string_view, std::optional<T>*> member,
                 void (*visit)(FieldVisitor&, T&)) {
  const auto& [name, value] = member;
  in.Optional(name, *value, visit);
  if (to.type == type && !*value) in.Add(name, "is needed with type " + std::string(type));
  if (to.type != type && *value) in.Add(name, "goes with type " + std::string(type));
}

void VisitDestination(FieldVisitor& in, DeliveryDestination& to) {
  in.OneOf("type", to.type,
           {"S3", "Folder", "HttpEndpoint", "OpenSearch", "Splunk", "Redshift", "PostgreSQL",
            "Kafka", "Stream"});
  if (to.type.empty()) in.Add("type", "is needed; " + std::string(kNotYet));
  VisitMember<S3Destination>(in, to, "S3", {"s3", &to.s3}, [](FieldVisitor& s3, S3Destination& d) {
    VisitS3(s3, d, ObjectRole::kDestination);
  });
  VisitMember<FolderDestination>(in, to, "Folder", {"folder", &to.folder},
                                 [](FieldVisitor& folder, FolderDestination& d) {
                                   VisitFolder(folder, d, ObjectRole::kDestination);
                                 });
  VisitMember(in, to, "HttpEndpoint",
              std::pair{std::string_view("httpEndpoint"), &to.http_endpoint}, VisitHttpEndpoint);
  VisitMember(in, to, "OpenSearch", std::pair{std::string_view("openSearch"), &to.open_search},
              VisitOpenSearch);
  VisitMember(in, to, "Splunk", std::pair{std::string_view("splunk"), &to.splunk}, VisitSplunk);
  VisitMember(in, to, "Redshift", std::pair{std::string_view("redshift"), &to.redshift},
              VisitRedshift);
  VisitMember(in, to, "PostgreSQL", std::pair{std::string_view("postgreSQL"), &to.postgresql},
              VisitPostgreSql);
  VisitMember(in, to, "Kafka", std::pair{std::string_view("kafka"), &to.kafka}, VisitKafka);
  VisitMember(in, to, "Stream", std::pair{std::string_view("stream"), &to.stream}, VisitStream);
}

void VisitScaling(FieldVisitor& in, DeliveryScaling& scaling) {
  in.OneOf("mode", scaling.mode, {"Auto", "DryRun", "Off"});
  in.Int("minWorkers", scaling.min_workers, 1, 10'000);
  in.Int("maxWorkers", scaling.max_workers, 1, 10'000);
  in.Int("targetFreshnessSeconds", scaling.target_freshness_seconds, 1, 3600);
  in.Object("scaleUp", [&](FieldVisitor& up) {
    up.Int("windowSeconds", scaling.scale_up_window_seconds, 1, 3600);
    up.Int("maxFactorPercent", scaling.scale_up_max_factor_percent, 110, 1000);
  });
  in.Object("scaleDown", [&](FieldVisitor& down) {
    down.Int("windowSeconds", scaling.scale_down_window_seconds, 60, 604'800);
    down.Int("maxStepPercent", scaling.scale_down_max_step_percent, 1, 90);
  });
}

void VisitProcessing(FieldVisitor& in, DeliveryStreamSpec& spec) {
  in.Bool("enabled", spec.processing_enabled);
  in.Items("processors", spec.processors, 8, VisitProcessor);
  CheckProcessors(in, spec);
}

void VisitEncryption(FieldVisitor& in, DeliveryStreamSpec& spec) {
  in.OneOf("encryptionType", spec.encryption_type, {"NONE", "KMS"});
  in.Text("keyID", spec.encryption_key_id, {.chars_max = 2048});
  if (spec.encryption_type == "NONE" && !spec.encryption_key_id.empty()) {
    in.Add("keyID", "goes with encryptionType KMS");
  }
  if (spec.encryption_type == "KMS" && spec.source.type != "DirectPut") {
    in.Add("encryptionType", "is for source DirectPut; a Stream or topic has its own");
  }
}

void CheckBackup(FieldVisitor& in, const DeliveryStreamSpec& spec) {
  const std::string& type = spec.destination.type;
  const bool objects = type == "S3" || type == "Folder" || type == "Redshift";
  if (spec.backup.empty() && !objects && !type.empty()) {
    in.Add("backup", "is needed: a record that " + type + " refuses goes there");
  } else if (spec.backup.empty() && spec.backs_up_all()) {
    in.Add("backup", "is needed with s3BackupMode Enabled");
  }
}

void VisitSpec(FieldVisitor& in, DeliveryStreamSpec& spec) {
  in.Text("deliveryStreamName", spec.delivery_stream_name,
          {.chars_max = 64, .is_stream_name = true});
  in.Object("source", [&](FieldVisitor& source) { VisitSource(source, spec.source); });
  in.RequiredObject("destination",
                    [&](FieldVisitor& to) { VisitDestination(to, spec.destination); });
  in.Object("backup", [&](FieldVisitor& backup) { VisitBackup(backup, spec.backup); });
  CheckBackup(in, spec);
  in.Object("processing", [&](FieldVisitor& processing) { VisitProcessing(processing, spec); });
  in.Object("encryption", [&](FieldVisitor& encryption) { VisitEncryption(encryption, spec); });
  in.Object("scaling", [&](FieldVisitor& scaling) { VisitScaling(scaling, spec.scaling); });
  if (spec.scaling.min_workers > spec.scaling.max_workers) {
    in.Add("scaling", "minWorkers must not exceed maxWorkers");
  }
  in.Int("workers", spec.workers, 0, 10'000);
  in.OneOf("managementPolicy", spec.management_policy, {"Full", "Observe", "Paused"});
  in.OneOf("deletionPolicy", spec.deletion_policy, {"Delete", "Retain"});
  in.OneOf("deletionProtection", spec.deletion_protection, {"Enabled", "Disabled"});
  in.Map("tags", spec.tags, 50, {.chars_min = 0, .chars_max = 256});
}

}  // namespace

Result<DeliveryStreamSpec> DeliveryStreamSpec::Parse(const Value& document) {
  DeliveryStreamSpec spec;
  Problems problems;
  if (document.is_null()) problems.Add("spec", "is needed");
  ReadFields(document, "spec", problems, [&](FieldVisitor& in) { VisitSpec(in, spec); });
  RETURN_IF_ERROR(problems.ToStatus());
  return spec;
}

Value DeliveryStreamSpec::ToValue() const {
  DeliveryStreamSpec copy = *this;  // visited both ways, so not const
  return WriteFields([&](FieldVisitor& out) { VisitSpec(out, copy); });
}

std::string DeliveryStreamNameOf(const Resource& delivery_stream) {
  const std::string& name = delivery_stream.spec["deliveryStreamName"].AsString();
  return name.empty() ? delivery_stream.key.name : name;
}

}  // namespace millrace::resources
