#include "controlplane/firehose/take_members.h"

#include <algorithm>

namespace millrace::controlplane {

using json::Value;
using resources::DataFormatConversion;
using resources::S3Destination;

namespace {

constexpr int32_t kConversionBufferMiB = 128;

void TakeTexts(const Value& in, std::string_view name, std::vector<std::string>& target) {
  if (!in.Has(name)) return;
  target.clear();
  for (const Value& item : in[name].AsArray()) target.push_back(item.AsString());
}

void TakeEncryptionAtRest(const Value& in, S3Destination& s3) {
  if (in.Has("NoEncryptionConfig")) {
    s3.encryption_type = "None";
    s3.encryption_key_id.clear();
  }
  if (in.Has("KMSEncryptionConfig")) {
    s3.encryption_type = "KMS";
    Take(in["KMSEncryptionConfig"], "AWSKMSKeyARN", s3.encryption_key_id);
  }
}

void TakeDeserializer(const Value& in, DataFormatConversion& to) {
  if (const Value& json = in["OpenXJsonSerDe"]; !json.is_null()) {
    to.deserializer = "OpenXJson";
    Take(json, "ConvertDotsInJsonKeysToUnderscores",
         to.open_x_json.convert_dots_in_json_keys_to_underscores);
    Take(json, "CaseInsensitive", to.open_x_json.case_insensitive);
    for (const auto& [column, key] : json["ColumnToJsonKeyMappings"].AsObject()) {
      to.open_x_json.column_to_json_key_mappings[column] = key.AsString();
    }
  }
  if (const Value& hive = in["HiveJsonSerDe"]; !hive.is_null()) {
    to.deserializer = "Hive";
    TakeTexts(hive, "TimestampFormats", to.hive_timestamp_formats);
  }
}

void TakeSerializer(const Value& in, DataFormatConversion& to) {
  if (const Value& parquet = in["ParquetSerDe"]; !parquet.is_null()) {
    to.serializer = "Parquet";
    Take(parquet, "BlockSizeBytes", to.parquet.block_size_bytes);
    Take(parquet, "PageSizeBytes", to.parquet.page_size_bytes);
    Take(parquet, "Compression", to.parquet.compression);
    Take(parquet, "EnableDictionaryCompression", to.parquet.enable_dictionary_compression);
    Take(parquet, "MaxPaddingBytes", to.parquet.max_padding_bytes);
    Take(parquet, "WriterVersion", to.parquet.writer_version);
  }
  if (const Value& orc = in["OrcSerDe"]; !orc.is_null()) {
    to.serializer = "ORC";
    Take(orc, "StripeSizeBytes", to.orc.stripe_size_bytes);
    Take(orc, "BlockSizeBytes", to.orc.block_size_bytes);
    Take(orc, "RowIndexStride", to.orc.row_index_stride);
    Take(orc, "EnablePadding", to.orc.enable_padding);
    Take(orc, "PaddingTolerance", to.orc.padding_tolerance);
    Take(orc, "Compression", to.orc.compression);
    TakeTexts(orc, "BloomFilterColumns", to.orc.bloom_filter_columns);
    Take(orc, "BloomFilterFalsePositiveProbability",
         to.orc.bloom_filter_false_positive_probability);
    Take(orc, "DictionaryKeyThreshold", to.orc.dictionary_key_threshold);
    Take(orc, "FormatVersion", to.orc.format_version);
  }
}

Status TakeConversion(const Value& in, resources::ObjectLayout& objects) {
  if (in.is_null()) return OkStatus();
  const bool enabled = in["Enabled"].AsBool(true);
  const Value& schema = in["SchemaConfiguration"];
  if (!objects.data_format_conversion) {
    if (!enabled && schema.is_null()) return OkStatus();
    if (schema.is_null()) {
      return InvalidArgument(
          "SchemaConfiguration cannot be null if data format conversion is enabled.");
    }
    objects.data_format_conversion.emplace();
  }
  DataFormatConversion& to = *objects.data_format_conversion;
  to.enabled = enabled;
  Take(schema, "CatalogId", to.schema.catalog_id);
  Take(schema, "DatabaseName", to.schema.database_name);
  Take(schema, "TableName", to.schema.table_name);
  Take(schema, "Region", to.schema.region);
  Take(schema, "VersionId", to.schema.version_id);
  TakeDeserializer(in.At("InputFormatConfiguration", "Deserializer"), to);
  TakeSerializer(in.At("OutputFormatConfiguration", "Serializer"), to);
  return OkStatus();
}

}  // namespace

void Take(const Value& in, std::string_view name, std::string& target) {
  if (in.Has(name)) target = in[name].AsString();
}
void Take(const Value& in, std::string_view name, int32_t& target) {
  if (in.Has(name)) {
    target = static_cast<int32_t>(std::clamp<int64_t>(in[name].AsInt(), INT32_MIN, INT32_MAX));
  }
}
void Take(const Value& in, std::string_view name, bool& target) {
  if (in.Has(name)) target = in[name].AsBool();
}
void Take(const Value& in, std::string_view name, double& target) {
  if (in.Has(name)) target = in[name].AsDouble();
}

Status TakeHints(const Value& in, resources::BufferingHints& hints) {
  const Value& given = in["BufferingHints"];
  if (given.is_null()) return OkStatus();
  if (given.Has("SizeInMBs") != given.Has("IntervalInSeconds")) {
    return InvalidArgument(
        "BufferingHints: SizeInMBs and IntervalInSeconds must be specified together.");
  }
  Take(given, "SizeInMBs", hints.size_in_mbs);
  Take(given, "IntervalInSeconds", hints.interval_in_seconds);
  return OkStatus();
}

void TakeRetry(const Value& in, int32_t& seconds) {
  Take(in["RetryOptions"], "DurationInSeconds", seconds);
}

Status TakeS3(const Value& in, S3Destination& s3) {
  if (const Value& arn = in["BucketARN"]; !arn.is_null()) {
    constexpr std::string_view kMark = ":s3:::";
    const std::string& text = arn.AsString();
    const size_t mark = text.find(kMark);
    if (!text.starts_with("arn:") || mark == std::string::npos) {
      return InvalidArgument("BucketARN " + text + " is not the ARN of a bucket.");
    }
    s3.bucket = text.substr(mark + kMark.size());
  }
  Take(in, "Prefix", s3.objects.prefix);
  Take(in, "ErrorOutputPrefix", s3.objects.error_output_prefix);
  Take(in, "CompressionFormat", s3.objects.compression_format);
  TakeEncryptionAtRest(in["EncryptionConfiguration"], s3);
  return TakeHints(in, s3.objects.buffering);
}

Status TakeExtendedS3(const Value& in, S3Destination& s3) {
  RETURN_IF_ERROR(TakeS3(in, s3));
  resources::ObjectLayout& objects = s3.objects;
  Take(in, "FileExtension", objects.file_extension);
  Take(in, "S3BackupMode", s3.s3_backup_mode);
  Take(in, "CustomTimeZone", objects.custom_time_zone);
  if (objects.custom_time_zone.empty()) objects.custom_time_zone = "UTC";
  if (const Value& partitioning = in["DynamicPartitioningConfiguration"];
      partitioning["Enabled"].AsBool() || objects.dynamic_partitioning) {
    if (!objects.dynamic_partitioning) objects.dynamic_partitioning.emplace();
    Take(partitioning, "Enabled", objects.dynamic_partitioning->enabled);
    TakeRetry(partitioning, objects.dynamic_partitioning->retry_duration_in_seconds);
  }
  const bool converted = objects.converts();
  RETURN_IF_ERROR(TakeConversion(in["DataFormatConversionConfiguration"], objects));
  if (!converted && objects.converts() && !in.Has("BufferingHints")) {
    objects.buffering.size_in_mbs = kConversionBufferMiB;
  }
  return OkStatus();
}

std::string SecretNameIn(std::string_view arn) {
  constexpr std::string_view kMark = ":secret:";
  constexpr size_t kSuffix = 7;  // "-AbCdEf"
  const size_t mark = arn.find(kMark);
  if (mark == std::string_view::npos) return std::string(arn);
  std::string_view name = arn.substr(mark + kMark.size());
  if (name.size() > kSuffix && name[name.size() - kSuffix] == '-') name.remove_suffix(kSuffix);
  return std::string(name);
}

}  // namespace millrace::controlplane
