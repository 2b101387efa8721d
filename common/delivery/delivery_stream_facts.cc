// Questions to a DeliveryStreamSpec, and the rules of its changes.
#include <algorithm>
#include <charconv>

#include "common/delivery/delivery_stream_resource.h"

namespace millrace::resources {
namespace {

// The s3BackupMode of the destination that is there, "" for none.
std::string_view BackupModeOf(const DeliveryDestination& to) {
  if (to.s3) return to.s3->s3_backup_mode;
  if (to.folder) return to.folder->s3_backup_mode;
  if (to.http_endpoint) return to.http_endpoint->s3_backup_mode;
  if (to.open_search) return to.open_search->s3_backup_mode;
  if (to.splunk) return to.splunk->s3_backup_mode;
  if (to.redshift) return to.redshift->s3_backup_mode;
  if (to.postgresql) return to.postgresql->s3_backup_mode;
  if (to.kafka) return to.kafka->s3_backup_mode;
  return to.stream ? std::string_view(to.stream->s3_backup_mode) : std::string_view();
}

bool Partitions(const DeliveryStreamSpec& spec) {
  return spec.objects() != nullptr && spec.objects()->partitions();
}

void CheckDestinationTransition(const DeliveryStreamSpec& before, const DeliveryStreamSpec& after,
                                Problems& problems) {
  constexpr std::string_view kOpenSearch = "OpenSearch";
  const std::string& type = before.destination.type;
  if ((type == kOpenSearch) != (after.destination.type == kOpenSearch)) {
    problems.Add("spec.destination.type",
                 "OpenSearch can't become another destination, nor another OpenSearch; make a new "
                 "delivery stream");
  }
  if (type != after.destination.type) return;
  const std::string_view mode = BackupModeOf(before.destination);
  if (mode != BackupModeOf(after.destination) && (before.backs_up_all() || type == kOpenSearch)) {
    problems.Add("spec.destination", "s3BackupMode can't change from " + std::string(mode));
  }
  if (Partitions(before) != Partitions(after)) {
    problems.Add("spec.destination",
                 "dynamicPartitioning can't be turned on or off; make a new delivery stream");
  }
}

void AddName(std::vector<std::string>& names, const std::string& name) {
  if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(name);
  }
}

void AddS3(std::vector<std::string>& names, const S3Destination& s3) {
  AddName(names, s3.credentials_secret);
  AddName(names, s3.tls.ca.name);
}

void AddKafka(std::vector<std::string>& names, const KafkaConnection& kafka) {
  AddName(names, kafka.credentials_secret);
  AddName(names, kafka.tls.ca.name);
}

}  // namespace

bool DeliveryStreamSpec::backs_up_all() const {
  const std::string_view mode = BackupModeOf(destination);
  return mode == "Enabled" || mode.starts_with("All");
}

int32_t DeliveryStreamSpec::retry_duration_in_seconds() const {
  const DeliveryDestination& to = destination;
  if (to.http_endpoint) return to.http_endpoint->retry_duration_in_seconds;
  if (to.open_search) return to.open_search->retry_duration_in_seconds;
  if (to.splunk) return to.splunk->retry_duration_in_seconds;
  if (to.redshift) return to.redshift->retry_duration_in_seconds;
  if (to.postgresql) return to.postgresql->retry_duration_in_seconds;
  if (to.kafka) return to.kafka->retry_duration_in_seconds;
  return to.stream ? to.stream->retry_duration_in_seconds : 0;
}

BufferingHints DeliveryStreamSpec::buffering() const {
  const DeliveryDestination& to = destination;
  if (objects() != nullptr) return objects()->buffering;
  if (to.http_endpoint) return to.http_endpoint->buffering;
  if (to.open_search) return to.open_search->buffering;
  if (to.splunk) return to.splunk->buffering;
  if (to.redshift) return to.redshift->s3.objects.buffering;
  if (to.postgresql) return to.postgresql->buffering;
  if (to.kafka) return to.kafka->buffering;
  return to.stream ? to.stream->buffering : BufferingHints();
}

const ObjectLayout* DeliveryStreamSpec::objects() const {
  if (destination.s3) return &destination.s3->objects;
  return destination.folder ? &destination.folder->objects : nullptr;
}

std::vector<std::string> DeliveryStreamSpec::SecretNames() const {
  std::vector<std::string> names;
  const DeliveryDestination& to = destination;
  AddKafka(names, source.kafka);
  if (to.s3) AddS3(names, *to.s3);
  if (backup.s3) AddS3(names, *backup.s3);
  if (to.http_endpoint) {
    AddName(names, to.http_endpoint->access_key.name);
    AddName(names, to.http_endpoint->tls.ca.name);
  }
  if (to.open_search) {
    AddName(names, to.open_search->auth_secret);
    AddName(names, to.open_search->tls.ca.name);
  }
  if (to.splunk) {
    AddName(names, to.splunk->hec_token.name);
    AddName(names, to.splunk->tls.ca.name);
  }
  if (to.redshift) {
    AddName(names, to.redshift->credentials_secret);
    AddS3(names, to.redshift->s3);
  }
  if (to.postgresql) AddName(names, to.postgresql->credentials_secret);
  if (to.kafka) AddKafka(names, to.kafka->connection);
  return names;
}

std::string DestinationFingerprint(const DeliveryStreamSpec& spec) {
  const json::Value all = spec.ToValue();
  uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
  for (const char* part : {"destination", "backup", "processing"}) {
    for (const char c : json::WriteJson(all[part]) + "\n") {
      hash = (hash ^ static_cast<uint8_t>(c)) * 1'099'511'628'211U;
    }
  }
  return std::to_string(hash);
}

int64_t VersionOf(const Resource& delivery_stream, const DeliveryStreamSpec& spec) {
  const auto& notes = delivery_stream.annotations;
  const auto version = notes.find(std::string(kVersionAnnotation));
  const auto fingerprint = notes.find(std::string(kFingerprintAnnotation));
  int64_t number = 0;
  if (version != notes.end()) {
    std::from_chars(version->second.data(), version->second.data() + version->second.size(),
                    number);
  }
  const bool same =
      fingerprint != notes.end() && fingerprint->second == DestinationFingerprint(spec);
  return same && number > 0 ? number : number + 1;
}

void SetVersion(Resource& delivery_stream, const DeliveryStreamSpec& spec) {
  const int64_t version = VersionOf(delivery_stream, spec);
  delivery_stream.annotations[std::string(kVersionAnnotation)] = std::to_string(version);
  delivery_stream.annotations[std::string(kFingerprintAnnotation)] = DestinationFingerprint(spec);
}

std::string HiddenStreamName(std::string_view delivery_stream_name) {
  return "millrace.firehose." + std::string(delivery_stream_name);
}

Status CheckDeliveryStreamTransition(const DeliveryStreamSpec& before,
                                     const DeliveryStreamSpec& after) {
  Problems problems;
  if (before.delivery_stream_name != after.delivery_stream_name) {
    problems.Add("spec.deliveryStreamName", "is immutable; make a new delivery stream");
  }
  if (before.ToValue()["source"] != after.ToValue()["source"]) {
    problems.Add("spec.source", "is immutable; make a new delivery stream");
  }
  CheckDestinationTransition(before, after, problems);
  return problems.ToStatus();
}

}  // namespace millrace::resources
