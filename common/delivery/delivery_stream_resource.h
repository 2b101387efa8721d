#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/delivery/delivery_destinations.h"
#include "common/delivery/delivery_objects.h"
#include "common/resources/resource.h"

namespace millrace::resources {

inline constexpr std::string_view kDeliveryStreamKind = "DeliveryStream";
// On a Stream, "true": it belongs to a DeliveryStream; the Kinesis API doesn't list it.
inline constexpr std::string_view kHiddenAnnotation = "millrace.dev/hidden";
// On a DeliveryStream: the API's VersionId, and the fingerprint of the destination that it counts.
// Written in one update with the destination by the API, after it by the operator for others.
inline constexpr std::string_view kVersionAnnotation = "millrace.dev/version-id";
inline constexpr std::string_view kFingerprintAnnotation = "millrace.dev/destination-fingerprint";

struct DeliverySource {
  std::string type = "DirectPut";      // DirectPut, Stream, Kafka
  int32_t throughput_hint_in_mbs = 1;  // DirectPut
  // Stream
  std::string stream_ref;                    // a Stream of this namespace
  std::string starting_position = "LATEST";  // TRIM_HORIZON, LATEST, AT_TIMESTAMP; Kafka, too
  std::string starting_timestamp;            // RFC 3339, for AT_TIMESTAMP; Kafka, too
  // Kafka
  KafkaConnection kafka;
  std::string topic_name;
};

// A step of Firehose's processing, with its parameters by their AWS names; a parameter that is
// absent has AWS's default. What they may be is checked here.
struct DeliveryProcessor {
  // RecordDeAggregation, Decompression, CloudWatchLogProcessing, Lambda, MetadataExtraction,
  // AppendDelimiterToRecord
  std::string type;
  std::map<std::string, std::string> parameters;

  // The parameter, or `fallback`.
  std::string Parameter(std::string_view name, std::string_view fallback = "") const;
};

struct DeliveryScaling {
  std::string mode = "Auto";  // Auto, DryRun, Off
  int32_t min_workers = 1;
  int32_t max_workers = 64;
  int32_t target_freshness_seconds = 60;
  int32_t scale_up_window_seconds = 6;
  int32_t scale_up_max_factor_percent = 200;
  int32_t scale_down_window_seconds = 3600;
  int32_t scale_down_max_step_percent = 50;
};

struct DeliveryDestination {
  // S3, Folder, HttpEndpoint, OpenSearch, Splunk, Redshift, PostgreSQL, Kafka, Stream: exactly the
  // member of this name is there.
  std::string type;
  std::optional<S3Destination> s3;
  std::optional<FolderDestination> folder;
  std::optional<HttpEndpointDestination> http_endpoint;
  std::optional<OpenSearchDestination> open_search;
  std::optional<SplunkDestination> splunk;
  std::optional<RedshiftDestination> redshift;
  std::optional<PostgreSqlDestination> postgresql;
  std::optional<KafkaDestination> kafka;
  std::optional<StreamDestination> stream;
};

// The spec of a DeliveryStream (crds/deliverystream.yaml), complete with defaults. Field names in
// messages are those of the YAML. A value.
struct DeliveryStreamSpec {
  std::string delivery_stream_name;  // "": metadata.name
  DeliverySource source;
  DeliveryDestination destination;
  BackupSpec backup;
  bool processing_enabled = true;
  std::vector<DeliveryProcessor> processors;
  std::string encryption_type = "NONE";  // NONE, KMS; DirectPut only
  std::string encryption_key_id;         // "" with KMS: the key of the installation
  DeliveryScaling scaling;
  int32_t workers = 1;  // first count; what `kubectl scale` sets, with scaling.mode Off
  std::string management_policy = "Full";
  std::string deletion_policy = "Retain";
  std::string deletion_protection = "Disabled";
  std::map<std::string, std::string> tags;

  // Defaults filled in, every rule of the CRD checked; unknown fields are refused by name with the
  // nearest known one. InvalidArgument: "spec.destination.s3.bucket: is needed".
  static Result<DeliveryStreamSpec> Parse(const json::Value& spec);
  // Complete: defaults are written out, too.
  json::Value ToValue() const;

  // Whether all that came in goes to the backup, whatever became of it (AllData, AllDocuments,
  // AllEvents; Enabled for S3, Folder and Redshift), and not only what failed.
  bool backs_up_all() const;
  // How refused records are delivered again, and for how long; 0 for S3 and Folder: as long as the
  // source keeps them.
  int32_t retry_duration_in_seconds() const;
  BufferingHints buffering() const;
  // The layout of objects at the destination, nullptr for record destinations.
  const ObjectLayout* objects() const;
  // Names of all Secrets that the spec refers to.
  std::vector<std::string> SecretNames() const;
};

// The CRD's transition rules: which fields may change from `before` to `after`.
Status CheckDeliveryStreamTransition(const DeliveryStreamSpec& before,
                                     const DeliveryStreamSpec& after);

// A short text that is another one where destination, backup or processing are other ones: what
// VersionId counts. Pure.
std::string DestinationFingerprint(const DeliveryStreamSpec& spec);

// The version that `delivery_stream` has with `spec`: its annotation's, or one more where the
// destination is another than the annotation speaks of.
int64_t VersionOf(const Resource& delivery_stream, const DeliveryStreamSpec& spec);
// Sets both annotations to it.
void SetVersion(Resource& delivery_stream, const DeliveryStreamSpec& spec);

// What records of PutRecord go to: the AWS name of the hidden Stream.
std::string HiddenStreamName(std::string_view delivery_stream_name);

// spec.deliveryStreamName or else metadata.name.
std::string DeliveryStreamNameOf(const Resource& delivery_stream);

}  // namespace millrace::resources
