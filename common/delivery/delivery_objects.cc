#include "common/delivery/delivery_objects.h"

#include <algorithm>

#include "common/delivery/delivery_rules.h"

namespace millrace::resources {
namespace {

constexpr FieldVisitor::TextRule kSecretName = {.chars_max = 253};
constexpr FieldVisitor::TextRule kPrefix = {.chars_min = 0, .chars_max = 1024};
constexpr size_t kColumnsMax = 1000;

void VisitColumn(FieldVisitor& in, SchemaColumn& column) {
  in.RequiredText("name", column.name, {.chars_max = 255});
  in.RequiredText("type", column.type, {.chars_max = 8192});
}

void VisitSchema(FieldVisitor& in, SchemaTable& schema) {
  constexpr FieldVisitor::TextRule kName = {.chars_max = 1024};
  in.Text("catalogId", schema.catalog_id, kName);
  in.Text("databaseName", schema.database_name, kName);
  in.Text("tableName", schema.table_name, kName);
  in.Text("versionId", schema.version_id, kName);
  in.Text("region", schema.region, kName);
  in.Items("columns", schema.columns, kColumnsMax, VisitColumn);
  if (schema.columns.empty() && (schema.database_name.empty() || schema.table_name.empty())) {
    in.Add("columns", "are needed, or databaseName and tableName of a table that has them");
  }
}

void VisitInputFormat(FieldVisitor& in, DataFormatConversion& conversion) {
  in.OneOf("deserializer", conversion.deserializer, {"OpenXJson", "Hive"});
  in.Object("openXJson", [&](FieldVisitor& serde) {
    OpenXJsonSerDe& json = conversion.open_x_json;
    serde.Bool("convertDotsInJsonKeysToUnderscores", json.convert_dots_in_json_keys_to_underscores);
    serde.Bool("caseInsensitive", json.case_insensitive);
    serde.Map("columnToJsonKeyMappings", json.column_to_json_key_mappings, kColumnsMax,
              {.chars_max = 1024});
  });
  in.Object("hive", [&](FieldVisitor& serde) {
    serde.Texts("timestampFormats", conversion.hive_timestamp_formats, 32, {.chars_max = 1024});
  });
}

void VisitParquet(FieldVisitor& in, ParquetSerDe& parquet) {
  constexpr int32_t kMost = 2'147'483'647;
  in.Int("blockSizeBytes", parquet.block_size_bytes, 67'108'864, kMost);
  in.Int("pageSizeBytes", parquet.page_size_bytes, 65'536, kMost);
  in.OneOf("compression", parquet.compression, {"UNCOMPRESSED", "GZIP", "SNAPPY"});
  in.Bool("enableDictionaryCompression", parquet.enable_dictionary_compression);
  in.Int("maxPaddingBytes", parquet.max_padding_bytes, 0, kMost);
  in.OneOf("writerVersion", parquet.writer_version, {"V1", "V2"});
}

void VisitOrc(FieldVisitor& in, OrcSerDe& orc) {
  constexpr int32_t kMost = 2'147'483'647;
  in.Int("stripeSizeBytes", orc.stripe_size_bytes, 8'388'608, kMost);
  in.Int("blockSizeBytes", orc.block_size_bytes, 67'108'864, kMost);
  in.Int("rowIndexStride", orc.row_index_stride, 1000, kMost);
  in.Bool("enablePadding", orc.enable_padding);
  in.Number("paddingTolerance", orc.padding_tolerance, 0, 1);
  in.OneOf("compression", orc.compression, {"NONE", "ZLIB", "SNAPPY"});
  in.Texts("bloomFilterColumns", orc.bloom_filter_columns, 100, {.chars_max = 1024});
  in.Number("bloomFilterFalsePositiveProbability", orc.bloom_filter_false_positive_probability, 0,
            1);
  in.Number("dictionaryKeyThreshold", orc.dictionary_key_threshold, 0, 1);
  in.OneOf("formatVersion", orc.format_version, {"V0_11", "V0_12"});
}

void VisitConversion(FieldVisitor& in, DataFormatConversion& conversion) {
  in.Bool("enabled", conversion.enabled);
  in.RequiredObject("schemaTable",
                    [&](FieldVisitor& schema) { VisitSchema(schema, conversion.schema); });
  in.Object("inputFormat", [&](FieldVisitor& input) { VisitInputFormat(input, conversion); });
  in.Object("outputFormat", [&](FieldVisitor& output) {
    output.OneOf("serializer", conversion.serializer, {"Parquet", "ORC"});
    output.Object("parquet", [&](FieldVisitor& serde) { VisitParquet(serde, conversion.parquet); });
    output.Object("orc", [&](FieldVisitor& serde) { VisitOrc(serde, conversion.orc); });
  });
}

void VisitPartitioning(FieldVisitor& in, DynamicPartitioning& partitioning) {
  in.Bool("enabled", partitioning.enabled);
  VisitRetryDuration(in, partitioning.retry_duration_in_seconds);
  in.Int("activePartitionsMax", partitioning.active_partitions_max, 1, 5000);
}

void VisitLayout(FieldVisitor& in, ObjectLayout& layout, ObjectRole role) {
  in.Text("prefix", layout.prefix, kPrefix);
  VisitBuffering(in, layout.buffering);
  in.OneOf("compressionFormat", layout.compression_format,
           {"UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY", "ZSTD"});
  if (role != ObjectRole::kStaging) {
    in.Text("errorOutputPrefix", layout.error_output_prefix, kPrefix);
    in.Text("fileExtension", layout.file_extension, {.chars_min = 0, .chars_max = 128});
    in.Text("customTimeZone", layout.custom_time_zone, {.chars_max = 50});
  }
  if (role == ObjectRole::kDestination) {
    in.Optional("dynamicPartitioning", layout.dynamic_partitioning, VisitPartitioning);
    in.Optional("dataFormatConversion", layout.data_format_conversion, VisitConversion);
  }
  CheckLayout(in, layout, role);
}

}  // namespace

void VisitBuffering(FieldVisitor& in, BufferingHints& hints, const BufferingRule& rule) {
  in.Object("bufferingHints", [&](FieldVisitor& buffering) {
    buffering.Int("sizeInMBs", hints.size_in_mbs, 1, rule.size_max);
    buffering.Int("intervalInSeconds", hints.interval_in_seconds, 0, rule.interval_max);
  });
}

void VisitRetryDuration(FieldVisitor& in, int32_t& seconds) {
  in.Int("retryDurationInSeconds", seconds, 0, 7200);
}

void VisitSecretKey(FieldVisitor& in, std::string_view name, SecretKey& secret) {
  bool present = !secret.empty();
  in.Optional(name, present, [&](FieldVisitor& ref) {
    ref.RequiredText("name", secret.name, kSecretName);
    ref.RequiredText("key", secret.key, kSecretName);
  });
}

void VisitRef(FieldVisitor& in, std::string_view name, std::string& target) {
  bool present = !target.empty();
  in.Optional(name, present,
              [&](FieldVisitor& ref) { ref.RequiredText("name", target, kSecretName); });
}

void VisitTls(FieldVisitor& in, TlsOptions& tls) {
  in.Object("tls", [&](FieldVisitor& options) {
    VisitSecretKey(options, "caSecretRef", tls.ca);
    options.OneOf("verification", tls.verification, {"Enabled", "Disabled"});
  });
}

void VisitS3(FieldVisitor& in, S3Destination& s3, ObjectRole role) {
  in.RequiredText("bucket", s3.bucket, {.chars_min = 3, .chars_max = 255, .is_stream_name = true});
  in.Text("endpoint", s3.endpoint, {.chars_max = 2048});
  CheckUrl(in, "endpoint", s3.endpoint);
  in.Text("region", s3.region, {.chars_max = 64});
  VisitRef(in, "credentialsSecretRef", s3.credentials_secret);
  VisitLayout(in, s3.objects, role);
  in.Object("encryption", [&](FieldVisitor& encryption) {
    encryption.OneOf("type", s3.encryption_type, {"None", "SSES3", "KMS"});
    encryption.Text("keyID", s3.encryption_key_id, {.chars_max = 2048});
    if (!s3.encryption_key_id.empty() && s3.encryption_type != "KMS") {
      encryption.Add("keyID", "goes with type KMS");
    }
  });
  VisitTls(in, s3.tls);
  if (role == ObjectRole::kDestination) {
    in.OneOf("s3BackupMode", s3.s3_backup_mode, {"Disabled", "Enabled"});
  }
}

void VisitFolder(FieldVisitor& in, FolderDestination& folder, ObjectRole role) {
  in.RequiredText("path", folder.path, {.chars_max = 1024});
  CheckFolderPath(in, folder.path);
  VisitLayout(in, folder.objects, role);
  if (role == ObjectRole::kDestination) {
    in.OneOf("s3BackupMode", folder.s3_backup_mode, {"Disabled", "Enabled"});
  }
}

void VisitBackup(FieldVisitor& in, BackupSpec& backup) {
  in.Optional<S3Destination>("s3", backup.s3, [](FieldVisitor& inner, S3Destination& s3) {
    VisitS3(inner, s3, ObjectRole::kBackup);
  });
  in.Optional<FolderDestination>("folder", backup.folder,
                                 [](FieldVisitor& inner, FolderDestination& folder) {
                                   VisitFolder(inner, folder, ObjectRole::kBackup);
                                 });
  if (backup.s3 && backup.folder) in.Add("folder", "s3 is there already; one place is enough");
}

}  // namespace millrace::resources
