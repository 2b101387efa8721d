#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/delivery/field_visitor.h"

// What objects of a delivery stream look like: for S3, a folder, staging and backups. Parts of
// DeliveryStreamSpec (delivery_stream_resource.h); all are values, complete with defaults, and
// mirror crds/deliverystream.yaml field by field.
namespace millrace::resources {

struct BufferingHints {
  int32_t size_in_mbs = 5;            // MiB
  int32_t interval_in_seconds = 300;  // 0: no buffering
};

// One entry of a Secret; no name means none.
struct SecretKey {
  std::string name;
  std::string key;
  bool empty() const { return name.empty(); }
};

struct TlsOptions {
  SecretKey ca;  // PEM; none: the system's
  std::string verification = "Enabled";
};

// A column of the table that records are converted to, with its Hive type, such as
// array<struct<sku:string,price:decimal(10,2)>>.
struct SchemaColumn {
  std::string name;
  std::string type;
};

// The table's name as AWS has it, and its columns.
struct SchemaTable {
  std::string catalog_id;
  std::string database_name;
  std::string table_name;
  std::string version_id;  // "": LATEST
  std::string region;
  std::vector<SchemaColumn> columns;
};

struct OpenXJsonSerDe {
  bool convert_dots_in_json_keys_to_underscores = false;
  bool case_insensitive = true;
  std::map<std::string, std::string> column_to_json_key_mappings;
};

struct ParquetSerDe {
  int32_t block_size_bytes = 268'435'456;
  int32_t page_size_bytes = 1'048'576;
  std::string compression = "SNAPPY";  // UNCOMPRESSED, GZIP, SNAPPY
  bool enable_dictionary_compression = false;
  int32_t max_padding_bytes = 0;
  std::string writer_version = "V1";
};

struct OrcSerDe {
  int32_t stripe_size_bytes = 67'108'864;
  int32_t block_size_bytes = 268'435'456;
  int32_t row_index_stride = 10'000;
  bool enable_padding = false;
  double padding_tolerance = 0.05;
  std::string compression = "SNAPPY";  // NONE, ZLIB, SNAPPY
  std::vector<std::string> bloom_filter_columns;
  double bloom_filter_false_positive_probability = 0.05;
  double dictionary_key_threshold = 0;
  std::string format_version = "V0_12";
};

struct DataFormatConversion {
  bool enabled = true;
  SchemaTable schema;
  std::string deserializer = "OpenXJson";  // OpenXJson, Hive
  OpenXJsonSerDe open_x_json;
  std::vector<std::string> hive_timestamp_formats;  // Joda patterns and "millis"
  std::string serializer = "Parquet";               // Parquet, ORC
  ParquetSerDe parquet;
  OrcSerDe orc;
};

struct DynamicPartitioning {
  bool enabled = true;
  int32_t retry_duration_in_seconds = 300;
  int32_t active_partitions_max = 500;
};

// How records become objects, and how those are called.
struct ObjectLayout {
  std::string prefix;               // with !{...} expressions; "": yyyy/MM/dd/HH/
  std::string error_output_prefix;  // "": see B.6 of the reference
  BufferingHints buffering;
  std::string compression_format = "UNCOMPRESSED";  // GZIP, ZIP, Snappy, HADOOP_SNAPPY, ZSTD
  std::string file_extension;                       // "": by compression and format
  std::string custom_time_zone = "UTC";
  std::optional<DynamicPartitioning> dynamic_partitioning;
  std::optional<DataFormatConversion> data_format_conversion;

  bool partitions() const { return dynamic_partitioning && dynamic_partitioning->enabled; }
  bool converts() const { return data_format_conversion && data_format_conversion->enabled; }
};

// A bucket and the objects in it: the destination, the staging place of a warehouse, or a backup.
struct S3Destination {
  std::string bucket;
  std::string endpoint;            // "": the default of the installation
  std::string region;              // the same
  std::string credentials_secret;  // Secret with AWS_ACCESS_KEY_ID, ...; "": the default
  ObjectLayout objects;
  std::string encryption_type = "None";  // None, SSES3, KMS
  std::string encryption_key_id;         // for KMS
  TlsOptions tls;
  std::string s3_backup_mode = "Disabled";  // Enabled: what came in goes to backup, too
};

// Files in a folder on the delivery process's volume; the same names as in S3.
struct FolderDestination {
  std::string path;  // relative to the delivery volume, or absolute
  ObjectLayout objects;
  std::string s3_backup_mode = "Disabled";
};

// Where refused records go. At most one is there.
struct BackupSpec {
  std::optional<S3Destination> s3;
  std::optional<FolderDestination> folder;
  bool empty() const { return !s3 && !folder; }
};

// Which members an S3Destination or a FolderDestination has where it stands.
enum class ObjectRole { kDestination, kStaging, kBackup };
void VisitS3(FieldVisitor& in, S3Destination& s3, ObjectRole role);
void VisitFolder(FieldVisitor& in, FolderDestination& folder, ObjectRole role);
void VisitBackup(FieldVisitor& in, BackupSpec& backup);

struct BufferingRule {
  int32_t size_max = 128;
  int32_t interval_max = 900;
};
void VisitBuffering(FieldVisitor& in, BufferingHints& hints, const BufferingRule& rule = {});
void VisitRetryDuration(FieldVisitor& in, int32_t& seconds);
// {<name>: {name, key}}
void VisitSecretKey(FieldVisitor& in, std::string_view name, SecretKey& secret);
// {<name>: {name}}
void VisitRef(FieldVisitor& in, std::string_view name, std::string& target);
void VisitTls(FieldVisitor& in, TlsOptions& tls);

}  // namespace millrace::resources
