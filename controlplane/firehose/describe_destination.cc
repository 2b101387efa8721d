#include "controlplane/firehose/describe_destination.h"

#include "controlplane/firehose/operations.h"
#include "controlplane/firehose/read_destination.h"

namespace millrace::controlplane {

using json::Value;
using resources::BufferingHints;
using resources::DataFormatConversion;
using resources::DeliveryStreamSpec;
using resources::S3Destination;

namespace {

Value HintsOf(const BufferingHints& hints) {
  Value out;
  out.Set("SizeInMBs", hints.size_in_mbs);
  out.Set("IntervalInSeconds", hints.interval_in_seconds);
  return out;
}

Value RetryOf(int32_t seconds) {
  Value out;
  out.Set("DurationInSeconds", seconds);
  return out;
}

void SetText(Value& out, std::string_view name, const std::string& text) {
  if (!text.empty()) out.Set(name, text);
}

// An S3DestinationDescription.
Value DescribeS3(const S3Destination& s3, const std::string& role) {
  Value out;
  out.Set("RoleARN", role);
  out.Set("BucketARN", "arn:aws:s3:::" + s3.bucket);
  SetText(out, "Prefix", s3.objects.prefix);
  SetText(out, "ErrorOutputPrefix", s3.objects.error_output_prefix);
  out.Set("BufferingHints", HintsOf(s3.objects.buffering));
  out.Set("CompressionFormat", s3.objects.compression_format);
  Value& encryption = out["EncryptionConfiguration"];
  if (s3.encryption_type == "KMS") {
    encryption["KMSEncryptionConfig"].Set("AWSKMSKeyARN", s3.encryption_key_id);
  } else {
    encryption.Set("NoEncryptionConfig", "NoEncryption");
  }
  out["CloudWatchLoggingOptions"].Set("Enabled", false);
  return out;
}

Value DescribeProcessing(const DeliveryStreamSpec& spec) {
  Value out;
  out.Set("Enabled", spec.processing_enabled && !spec.processors.empty());
  Value processors = json::Array{};
  for (const resources::DeliveryProcessor& processor : spec.processors) {
    Value one;
    one.Set("Type", processor.type);
    Value parameters = json::Array{};
    for (const auto& [name, value] : processor.parameters) {
      parameters.Append(json::Object{{"ParameterName", name}, {"ParameterValue", value}});
    }
    one.Set("Parameters", std::move(parameters));
    processors.Append(std::move(one));
  }
  out.Set("Processors", std::move(processors));
  return out;
}

Value TextList(const std::vector<std::string>& texts) {
  Value out = json::Array{};
  for (const std::string& text : texts) out.Append(text);
  return out;
}

Value DescribeDeserializer(const DataFormatConversion& from) {
  Value out;
  if (from.deserializer == "Hive") {
    out["HiveJsonSerDe"].Set("TimestampFormats", TextList(from.hive_timestamp_formats));
    return out;
  }
  Value& json = out["OpenXJsonSerDe"];
  json.Set("ConvertDotsInJsonKeysToUnderscores",
           from.open_x_json.convert_dots_in_json_keys_to_underscores);
  json.Set("CaseInsensitive", from.open_x_json.case_insensitive);
  for (const auto& [column, key] : from.open_x_json.column_to_json_key_mappings) {
    json["ColumnToJsonKeyMappings"].Set(column, key);
  }
  return out;
}

Value DescribeSerializer(const DataFormatConversion& from) {
  Value out;
  if (from.serializer == "ORC") {
    Value& orc = out["OrcSerDe"];
    orc.Set("StripeSizeBytes", from.orc.stripe_size_bytes);
    orc.Set("BlockSizeBytes", from.orc.block_size_bytes);
    orc.Set("RowIndexStride", from.orc.row_index_stride);
    orc.Set("EnablePadding", from.orc.enable_padding);
    orc.Set("PaddingTolerance", from.orc.padding_tolerance);
    orc.Set("Compression", from.orc.compression);
    orc.Set("BloomFilterColumns", TextList(from.orc.bloom_filter_columns));
    orc.Set("BloomFilterFalsePositiveProbability",
            from.orc.bloom_filter_false_positive_probability);
    orc.Set("DictionaryKeyThreshold", from.orc.dictionary_key_threshold);
    orc.Set("FormatVersion", from.orc.format_version);
    return out;
  }
  Value& parquet = out["ParquetSerDe"];
  parquet.Set("BlockSizeBytes", from.parquet.block_size_bytes);
  parquet.Set("PageSizeBytes", from.parquet.page_size_bytes);
  parquet.Set("Compression", from.parquet.compression);
  parquet.Set("EnableDictionaryCompression", from.parquet.enable_dictionary_compression);
  parquet.Set("MaxPaddingBytes", from.parquet.max_padding_bytes);
  parquet.Set("WriterVersion", from.parquet.writer_version);
  return out;
}

Value DescribeConversion(const DataFormatConversion& from) {
  Value out;
  Value& schema = out["SchemaConfiguration"];
  schema = json::Object{};
  SetText(schema, "CatalogId", from.schema.catalog_id);
  SetText(schema, "DatabaseName", from.schema.database_name);
  SetText(schema, "TableName", from.schema.table_name);
  SetText(schema, "Region", from.schema.region);
  SetText(schema, "VersionId", from.schema.version_id);
  out["InputFormatConfiguration"].Set("Deserializer", DescribeDeserializer(from));
  out["OutputFormatConfiguration"].Set("Serializer", DescribeSerializer(from));
  out.Set("Enabled", from.enabled);
  return out;
}

Value DescribeExtendedS3(const DeliveryStreamSpec& spec, const std::string& role) {
  const S3Destination& s3 = *spec.destination.s3;
  Value out = DescribeS3(s3, role);
  out.Set("ProcessingConfiguration", DescribeProcessing(spec));
  out.Set("S3BackupMode", s3.s3_backup_mode);
  if (spec.backup.s3) out.Set("S3BackupDescription", DescribeS3(*spec.backup.s3, role));
  if (const auto& conversion = s3.objects.data_format_conversion) {
    out.Set("DataFormatConversionConfiguration", DescribeConversion(*conversion));
  }
  if (const auto& partitioning = s3.objects.dynamic_partitioning) {
    Value& shown = out["DynamicPartitioningConfiguration"];
    shown.Set("RetryOptions", RetryOf(partitioning->retry_duration_in_seconds));
    shown.Set("Enabled", partitioning->enabled);
  }
  SetText(out, "FileExtension", s3.objects.file_extension);
  out.Set("CustomTimeZone", s3.objects.custom_time_zone);
  return out;
}

Value DescribeHttpEndpoint(const resources::HttpEndpointDestination& http) {
  Value out;
  Value& endpoint = out["EndpointConfiguration"];
  endpoint.Set("Url", http.url);
  SetText(endpoint, "Name", http.name);
  out.Set("BufferingHints", HintsOf(http.buffering));
  Value& request = out["RequestConfiguration"];
  request.Set("ContentEncoding", http.content_encoding);
  Value attributes = json::Array{};
  for (const auto& [name, value] : http.common_attributes) {
    attributes.Append(json::Object{{"AttributeName", name}, {"AttributeValue", value}});
  }
  request.Set("CommonAttributes", std::move(attributes));
  out.Set("RetryOptions", RetryOf(http.retry_duration_in_seconds));
  out.Set("S3BackupMode", http.s3_backup_mode);
  return out;
}

Value DescribeOpenSearch(const resources::OpenSearchDestination& search) {
  Value out;
  const bool serverless = search.service == "Serverless";
  out.Set(serverless ? "CollectionEndpoint" : "ClusterEndpoint", search.endpoint);
  out.Set("IndexName", search.index_name);
  if (!serverless) {
    SetText(out, "TypeName", search.type_name);
    out.Set("IndexRotationPeriod", search.index_rotation_period);
    out["DocumentIdOptions"].Set("DefaultDocumentIdFormat", search.default_document_id_format);
  }
  out.Set("BufferingHints", HintsOf(search.buffering));
  out.Set("RetryOptions", RetryOf(search.retry_duration_in_seconds));
  out.Set("S3BackupMode", search.s3_backup_mode);
  return out;
}

Value DescribeSplunk(const resources::SplunkDestination& splunk) {
  Value out;
  out.Set("HECEndpoint", splunk.hec_endpoint);
  out.Set("HECEndpointType", splunk.hec_endpoint_type);
  out.Set("HECAcknowledgmentTimeoutInSeconds", splunk.hec_acknowledgment_timeout_in_seconds);
  out.Set("BufferingHints", HintsOf(splunk.buffering));
  out.Set("RetryOptions", RetryOf(splunk.retry_duration_in_seconds));
  out.Set("S3BackupMode", splunk.s3_backup_mode);
  return out;
}

Value DescribeRedshift(const resources::RedshiftDestination& redshift, const std::string& role) {
  Value out;
  out.Set("ClusterJDBCURL", redshift.jdbc_url);
  Value& copy = out["CopyCommand"];
  copy.Set("DataTableName", redshift.copy_command.data_table_name);
  SetText(copy, "DataTableColumns", redshift.copy_command.data_table_columns);
  SetText(copy, "CopyOptions", redshift.copy_command.copy_options);
  out.Set("RetryOptions", RetryOf(redshift.retry_duration_in_seconds));
  out.Set("S3DestinationDescription", DescribeS3(redshift.s3, role));
  out.Set("S3BackupMode", redshift.s3_backup_mode);
  return out;
}

// What every destination but S3 has besides its own.
Value WithCommon(Value out, const DeliveryStreamSpec& spec, const std::string& role) {
  out.Set("RoleARN", role);
  out.Set("ProcessingConfiguration", DescribeProcessing(spec));
  const bool staged = spec.destination.redshift.has_value();
  if (spec.backup.s3) {
    out.Set(staged ? "S3BackupDescription" : "S3DestinationDescription",
            DescribeS3(*spec.backup.s3, role));
  }
  return out;
}

Value Describe(const DeliveryStreamSpec& spec, const std::string& role) {
  const resources::DeliveryDestination& to = spec.destination;
  if (to.s3) return DescribeExtendedS3(spec, role);
  if (to.http_endpoint) return WithCommon(DescribeHttpEndpoint(*to.http_endpoint), spec, role);
  if (to.open_search) return WithCommon(DescribeOpenSearch(*to.open_search), spec, role);
  if (to.splunk) return WithCommon(DescribeSplunk(*to.splunk), spec, role);
  return WithCommon(DescribeRedshift(*to.redshift, role), spec, role);
}

// Members of the API that a resource has no field for stay as the caller said them.
void KeepCallersWords(Value& shown, const Value& said) {
  constexpr std::string_view kCallers[] = {"RoleARN", "CloudWatchLoggingOptions", "DomainARN",
                                           "SecretsManagerConfiguration",
                                           "VpcConfigurationDescription"};
  for (const std::string_view name : kCallers) {
    if (said.Has(name)) shown.Set(name, said[name]);
  }
  for (json::Member& member : shown.MutableObject()) {
    if (member.second.is_object() && said[member.first].is_object()) {
      KeepCallersWords(member.second, said[member.first]);
    }
  }
}

}  // namespace

std::string DescriptionMember(const DeliveryStreamSpec& spec) {
  const resources::DeliveryDestination& to = spec.destination;
  if (to.s3) return "ExtendedS3DestinationDescription";
  if (to.http_endpoint) return "HttpEndpointDestinationDescription";
  if (to.splunk) return "SplunkDestinationDescription";
  if (to.redshift) return "RedshiftDestinationDescription";
  if (!to.open_search) return "";
  if (to.open_search->service == "Elasticsearch") return "ElasticsearchDestinationDescription";
  return to.open_search->service == "Serverless"
             ? "AmazonOpenSearchServerlessDestinationDescription"
             : "AmazonopensearchserviceDestinationDescription";
}

Value DescribeDestination(const DeliveryView& view) {
  Value out;
  out.Set("DestinationId", kDestinationId);
  const std::string member = DescriptionMember(view.spec);
  if (member.empty()) return out;
  const std::string account = view.arn.substr(0, view.arn.rfind(':'));
  const std::string role =
      "arn:aws:iam::" + account.substr(account.rfind(':') + 1) + ":role/millrace";
  Value shown = Describe(view.spec, role);
  const auto said = view.resource.annotations.find(std::string(kApiAnnotation));
  if (said != view.resource.annotations.end()) {
    if (const auto parsed = json::ParseJson(said->second); parsed.ok()) {
      KeepCallersWords(shown, *parsed);
    }
  }
  if (view.spec.destination.s3) {
    Value plain = json::Object{};
    for (const char* name :
         {"RoleARN", "BucketARN", "Prefix", "ErrorOutputPrefix", "BufferingHints",
          "CompressionFormat", "EncryptionConfiguration", "CloudWatchLoggingOptions"}) {
      if (shown.Has(name)) plain.Set(name, std::as_const(shown)[name]);
    }
    out.Set("S3DestinationDescription", std::move(plain));
  }
  out.Set(member, std::move(shown));
  return out;
}

}  // namespace millrace::controlplane
