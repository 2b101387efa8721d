#include "common/delivery/delivery_destinations.h"

#include "common/delivery/delivery_rules.h"

namespace millrace::resources {
namespace {

const std::vector<std::string> kDataModes = {"FailedDataOnly", "AllData"};

void VisitCopyCommand(FieldVisitor& in, CopyCommand& copy) {
  in.RequiredObject("copyCommand", [&](FieldVisitor& command) {
    command.RequiredText("dataTableName", copy.data_table_name, {.chars_max = 512});
    command.Text("dataTableColumns", copy.data_table_columns,
                 {.chars_min = 0, .chars_max = 10'240});
    command.Text("copyOptions", copy.copy_options, {.chars_min = 0, .chars_max = 10'240});
  });
}

}  // namespace

void VisitHttpEndpoint(FieldVisitor& in, HttpEndpointDestination& http) {
  in.Text("name", http.name, {.chars_max = 256});
  in.RequiredText("url", http.url, {.chars_max = 1000});
  CheckUrl(in, "url", http.url);
  VisitSecretKey(in, "accessKeySecretRef", http.access_key);
  in.OneOf("contentEncoding", http.content_encoding, {"NONE", "GZIP"});
  in.Map("commonAttributes", http.common_attributes, 50, {.chars_min = 0, .chars_max = 1024});
  VisitBuffering(in, http.buffering, {.size_max = 64});
  VisitRetryDuration(in, http.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", http.s3_backup_mode, kDataModes);
  VisitTls(in, http.tls);
}

void VisitOpenSearch(FieldVisitor& in, OpenSearchDestination& search) {
  in.OneOf("service", search.service, {"OpenSearch", "Elasticsearch", "Serverless"});
  in.RequiredText("endpoint", search.endpoint, {.chars_max = 512});
  CheckUrl(in, "endpoint", search.endpoint);
  in.RequiredText("indexName", search.index_name, {.chars_max = 80});
  in.Text("typeName", search.type_name, {.chars_min = 0, .chars_max = 100});
  in.OneOf("indexRotationPeriod", search.index_rotation_period,
           {"NoRotation", "OneHour", "OneDay", "OneWeek", "OneMonth"});
  in.OneOf("defaultDocumentIdFormat", search.default_document_id_format,
           {"FIREHOSE_DEFAULT", "NO_DOCUMENT_ID"});
  VisitRef(in, "authSecretRef", search.auth_secret);
  VisitBuffering(in, search.buffering, {.size_max = 100});
  VisitRetryDuration(in, search.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", search.s3_backup_mode, {"FailedDocumentsOnly", "AllDocuments"});
  VisitTls(in, search.tls);
}

void VisitSplunk(FieldVisitor& in, SplunkDestination& splunk) {
  in.RequiredText("hecEndpoint", splunk.hec_endpoint, {.chars_max = 2048});
  CheckUrl(in, "hecEndpoint", splunk.hec_endpoint);
  in.OneOf("hecEndpointType", splunk.hec_endpoint_type, {"Raw", "Event"});
  VisitSecretKey(in, "hecTokenSecretRef", splunk.hec_token);
  if (splunk.hec_token.empty()) in.Add("hecTokenSecretRef", "is needed");
  in.Int("hecAcknowledgmentTimeoutInSeconds", splunk.hec_acknowledgment_timeout_in_seconds, 180,
         600);
  VisitBuffering(in, splunk.buffering, {.size_max = 5, .interval_max = 60});
  VisitRetryDuration(in, splunk.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", splunk.s3_backup_mode, {"FailedEventsOnly", "AllEvents"});
  VisitTls(in, splunk.tls);
}

void VisitRedshift(FieldVisitor& in, RedshiftDestination& redshift) {
  in.RequiredText("jdbcURL", redshift.jdbc_url, {.chars_max = 512});
  CheckJdbcUrl(in, redshift.jdbc_url);
  VisitCopyCommand(in, redshift.copy_command);
  VisitRef(in, "credentialsSecretRef", redshift.credentials_secret);
  in.RequiredObject(
      "s3", [&](FieldVisitor& staging) { VisitS3(staging, redshift.s3, ObjectRole::kStaging); });
  VisitRetryDuration(in, redshift.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", redshift.s3_backup_mode, {"Disabled", "Enabled"});
}

void VisitPostgreSql(FieldVisitor& in, PostgreSqlDestination& postgresql) {
  in.RequiredText("connectionURI", postgresql.connection_uri, {.chars_max = 1024});
  CheckPostgreSqlUri(in, postgresql.connection_uri);
  VisitCopyCommand(in, postgresql.copy_command);
  VisitRef(in, "credentialsSecretRef", postgresql.credentials_secret);
  VisitBuffering(in, postgresql.buffering);
  VisitRetryDuration(in, postgresql.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", postgresql.s3_backup_mode, kDataModes);
}

void VisitKafkaConnection(FieldVisitor& in, KafkaConnection& kafka) {
  VisitRef(in, "clusterRef", kafka.cluster_ref);
  in.Text("bootstrapServers", kafka.bootstrap_servers, {.chars_max = 4096});
  in.OneOf("securityProtocol", kafka.security_protocol,
           {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"});
  in.OneOf("saslMechanism", kafka.sasl_mechanism, {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"});
  VisitRef(in, "credentialsSecretRef", kafka.credentials_secret);
  VisitTls(in, kafka.tls);
  if (kafka.cluster_ref.empty() == kafka.bootstrap_servers.empty()) {
    in.Add("bootstrapServers", "exactly one of clusterRef and bootstrapServers is needed");
  }
  const bool sasl = kafka.security_protocol.starts_with("SASL_");
  if (sasl == kafka.sasl_mechanism.empty()) {
    in.Add("saslMechanism",
           "goes with securityProtocol SASL_PLAINTEXT and SASL_SSL, and they with it");
  }
}

void VisitKafka(FieldVisitor& in, KafkaDestination& kafka) {
  VisitKafkaConnection(in, kafka.connection);
  in.RequiredText("topicName", kafka.topic_name, {.chars_max = 249, .is_stream_name = true});
  in.OneOf("recordKey", kafka.record_key, {"PartitionKey", "None"});
  in.OneOf("compressionType", kafka.compression_type, {"none", "gzip", "snappy", "lz4", "zstd"});
  VisitBuffering(in, kafka.buffering);
  VisitRetryDuration(in, kafka.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", kafka.s3_backup_mode, kDataModes);
}

void VisitStream(FieldVisitor& in, StreamDestination& stream) {
  in.RequiredObject("streamRef", [&](FieldVisitor& ref) {
    ref.RequiredText("name", stream.stream_ref, {.chars_max = 253});
  });
  in.OneOf("partitionKey", stream.partition_key, {"PartitionKey", "Random"});
  VisitBuffering(in, stream.buffering);
  VisitRetryDuration(in, stream.retry_duration_in_seconds);
  in.OneOf("s3BackupMode", stream.s3_backup_mode, kDataModes);
}

}  // namespace millrace::resources
