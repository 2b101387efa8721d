#include "controlplane/firehose/shapes.h"

#include <map>
#include <string>

#include "common/base/check.h"
#include "controlplane/firehose/shape_text.h"

namespace millrace::controlplane {
namespace {

using PartMap = std::map<std::string, std::string>;

// Members that several operations share, by their name in angle brackets.
const PartMap& SmallParts() {
  static const auto* const parts = new PartMap{
      {"<tags>", "[Key*:s1..128,Value:s0..256]"},
      {"<hints>", "{SizeInMBs:i1..128,IntervalInSeconds:i0..900}"},
      {"<logging>", "{Enabled:bool,LogGroupName:s0..512,LogStreamName:s0..512}"},
      {"<retry>", "{DurationInSeconds:i0..7200}"},
      {"<secrets>", "{SecretARN:s1..2048,RoleARN:s1..512,Enabled*:bool}"},
      {"<processing>",
       "{Enabled:bool,Processors:[Type*:RecordDeAggregation/Decompression/CloudWatchLogProcessing/"
       "Lambda/MetadataExtraction/AppendDelimiterToRecord,Parameters:[ParameterName*:LambdaArn/"
       "NumberOfRetries/MetadataExtractionQuery/JsonParsingEngine/RoleArn/BufferSizeInMBs/"
       "BufferIntervalInSeconds/SubRecordType/Delimiter/CompressionFormat/DataMessageExtraction,"
       "ParameterValue*:s1..5120]]}"},
      {"<s3>",
       "RoleARN!:s1..512,BucketARN!:s1..2048,Prefix:s0..1024,ErrorOutputPrefix:s0..1024,"
       "BufferingHints:<hints>,CompressionFormat:UNCOMPRESSED/GZIP/ZIP/Snappy/HADOOP_SNAPPY/ZSTD,"
       "EncryptionConfiguration:{NoEncryptionConfig:NoEncryption,KMSEncryptionConfig:"
       "{AWSKMSKeyARN*:s1..512}},CloudWatchLoggingOptions:<logging>"},
      {"<conversion>",
       "{SchemaConfiguration:{RoleARN:s1..1024,CatalogId:s1..1024,DatabaseName:s1..1024,"
       "TableName:s1..1024,Region:s1..1024,VersionId:s1..1024},InputFormatConfiguration:"
       "{Deserializer:{OpenXJsonSerDe:{ConvertDotsInJsonKeysToUnderscores:bool,CaseInsensitive:"
       "bool},HiveJsonSerDe:{TimestampFormats:[=s1..1024]}}},OutputFormatConfiguration:"
       "{Serializer:{ParquetSerDe:{BlockSizeBytes:i67108864..,PageSizeBytes:i65536..,Compression:"
       "UNCOMPRESSED/GZIP/SNAPPY,EnableDictionaryCompression:bool,MaxPaddingBytes:i0..,"
       "WriterVersion:V1/V2},OrcSerDe:{StripeSizeBytes:i8388608..,BlockSizeBytes:i67108864..,"
       "RowIndexStride:i1000..,EnablePadding:bool,Compression:NONE/ZLIB/SNAPPY,"
       "BloomFilterColumns:[=s1..1024],FormatVersion:V0_11/V0_12}}},Enabled:bool}"},
      {"<name>", "DeliveryStreamName*:s1..64"},
      {"<encryption>",
       "DeliveryStreamEncryptionConfigurationInput:{KeyARN:s1..512,KeyType*:AWS_OWNED_CMK/"
       "CUSTOMER_MANAGED_CMK}"},
      {"<type>",
       "DeliveryStreamType:DirectPut/KinesisStreamAsSource/MSKAsSource/DatabaseAsSource"}};
  return *parts;
}

const PartMap& DestinationParts() {
  static const auto* const parts = new PartMap{
      {"<extended>",
       "{<s3>,ProcessingConfiguration:<processing>,S3BackupMode:Disabled/Enabled,"
       "S3Backup%:{<s3>},DataFormatConversionConfiguration:<conversion>,"
       "DynamicPartitioningConfiguration:{RetryOptions:<retry>,Enabled:bool},"
       "FileExtension:s0..128,CustomTimeZone:s0..50}"},
      {"<redshift>",
       "{RoleARN!:s1..512,ClusterJDBCURL!:s1..512,CopyCommand!:{DataTableName*:s1..512,"
       "DataTableColumns:s0..10240,CopyOptions:s0..10240},Username:s1..512,Password:s6..512,"
       "RetryOptions:<retry>,S3%!:{<s3>},ProcessingConfiguration:<processing>,S3BackupMode:"
       "Disabled/Enabled,S3Backup%:{<s3>},CloudWatchLoggingOptions:<logging>,"
       "SecretsManagerConfiguration:<secrets>}"},
      {"<search>",
       "RoleARN!:s1..512,IndexName!:s1..80,BufferingHints:{IntervalInSeconds:i0..900,SizeInMBs:"
       "i1..100},RetryOptions:<retry>,S3BackupMode:FailedDocumentsOnly/AllDocuments,S3%!:{<s3>},"
       "ProcessingConfiguration:<processing>,CloudWatchLoggingOptions:<logging>"},
      {"<opensearch>",
       "{<search>,DomainARN:s1..512,ClusterEndpoint:s1..512,TypeName:s0..100,IndexRotationPeriod:"
       "NoRotation/OneHour/OneDay/OneWeek/OneMonth,DocumentIdOptions:{DefaultDocumentIdFormat*:"
       "FIREHOSE_DEFAULT/NO_DOCUMENT_ID}}"},
      {"<serverless>", "{<search>,CollectionEndpoint:s1..512}"},
      {"<splunk>",
       "{HECEndpoint!:s0..2048,HECEndpointType!:Raw/Event,HECToken:s0..2048,"
       "HECAcknowledgmentTimeoutInSeconds:i180..600,RetryOptions:<retry>,S3BackupMode:"
       "FailedEventsOnly/AllEvents,S3%!:{<s3>},ProcessingConfiguration:<processing>,"
       "CloudWatchLoggingOptions:<logging>,BufferingHints:{IntervalInSeconds:i0..60,SizeInMBs:"
       "i1..5},SecretsManagerConfiguration:<secrets>}"},
      {"<http>",
       "{EndpointConfiguration!:{Url*:s1..1000,Name:s1..256,AccessKey:s0..4096},BufferingHints:"
       "{SizeInMBs:i1..64,IntervalInSeconds:i0..900},CloudWatchLoggingOptions:<logging>,"
       "RequestConfiguration:{ContentEncoding:NONE/GZIP,CommonAttributes:[AttributeName*:s1..256,"
       "AttributeValue*:s0..1024]0..50},ProcessingConfiguration:<processing>,RoleARN:s1..512,"
       "RetryOptions:<retry>,S3BackupMode:FailedDataOnly/AllData,S3%!:{<s3>},"
       "SecretsManagerConfiguration:<secrets>}"},
      {"<destinations>",
       "S3Destination%:{<s3>},ExtendedS3Destination%:<extended>,RedshiftDestination%:<redshift>,"
       "ElasticsearchDestination%:<opensearch>,AmazonopensearchserviceDestination%:<opensearch>,"
       "SplunkDestination%:<splunk>,HttpEndpointDestination%:<http>,"
       "AmazonOpenSearchServerlessDestination%:<serverless>,SnowflakeDestination%:{},"
       "IcebergDestination%:{}"}};
  return *parts;
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string Expand(std::string text) {
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<')) {
    const std::string name = text.substr(at, text.find('>', at) + 1 - at);
    const bool small = SmallParts().contains(name);
    text.replace(at, name.size(), (small ? SmallParts() : DestinationParts()).at(name));
  }
  return text;
}

// What is configured when it is made (`!` is needed) is the same under another name when updated.
std::string Configured(std::string text) {
  text = Expand(std::move(text));
  ReplaceAll(text, "%", "Configuration");
  ReplaceAll(text, "!", "*");
  return text;
}
std::string Updated(std::string text) {
  text = Expand(std::move(text));
  ReplaceAll(text, "%", "Update");
  ReplaceAll(text, "!", "");
  return text;
}

const std::map<std::string, std::string>& Texts() {
  static const auto* const texts = new std::map<std::string, std::string>{
      {"CreateDeliveryStream",
       Configured(
           "<name>,<type>,DirectPutSourceConfiguration:{ThroughputHintInMBs*:i1..100},"
           "KinesisStreamSourceConfiguration:{KinesisStreamARN*:s1..512,RoleARN*:s1..512},"
           "<encryption>,<destinations>,Tags:<tags>1..50,MSKSourceConfiguration:{MSKClusterARN*:"
           "s1..512,TopicName*:s1..255,AuthenticationConfiguration*:{RoleARN*:s1..512,"
           "Connectivity*:PUBLIC/PRIVATE},ReadFromTimestamp:ts},DatabaseSourceConfiguration:{}")},
      {"DeleteDeliveryStream", Expand("<name>,AllowForceDelete:bool")},
      {"DescribeDeliveryStream",
       Expand("<name>,Limit:i1..10000,ExclusiveStartDestinationId:s1..100")},
      {"ListDeliveryStreams",
       Expand("Limit:i1..10000,<type>,ExclusiveStartDeliveryStreamName:s1..64")},
      {"ListTagsForDeliveryStream", Expand("<name>,ExclusiveStartTagKey:s1..128,Limit:i1..50")},
      {"PutRecord", Expand("<name>")},
      {"PutRecordBatch", Expand("<name>")},
      {"StartDeliveryStreamEncryption", Expand("<name>,<encryption>")},
      {"StopDeliveryStreamEncryption", Expand("<name>")},
      {"TagDeliveryStream", Expand("<name>,Tags*:<tags>1..50")},
      {"UntagDeliveryStream", Expand("<name>,TagKeys*:[=s1..128]1..50")},
      {"UpdateDestination",
       Updated("<name>,CurrentDeliveryStreamVersionId*:s1..50,DestinationId*:s1..100,"
               "<destinations>")}};
  return *texts;
}

std::map<std::string_view, aws::Shape> ParseAll() {
  std::map<std::string_view, aws::Shape> shapes;
  for (const auto& [operation, text] : Texts()) {
    aws::Shape shape = ParseShape(text);
    for (aws::Member& member : shape) {
      if (member.name == "DeliveryStreamName") member.pattern = "[a-zA-Z0-9_.-]+";
      if (member.name == "CurrentDeliveryStreamVersionId") member.pattern = "[0-9]+";
    }
    shapes.emplace(operation, std::move(shape));
  }
  return shapes;
}

}  // namespace

const aws::Shape& FirehoseInputShape(std::string_view operation) {
  static const auto* const shapes = new std::map<std::string_view, aws::Shape>(ParseAll());
  const auto found = shapes->find(operation);
  CHECK(found != shapes->end());
  return found->second;
}

}  // namespace millrace::controlplane
