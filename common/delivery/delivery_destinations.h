#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/delivery/delivery_objects.h"

// The destinations of a delivery stream that are no object stores. Values, complete with defaults.
namespace millrace::resources {

struct HttpEndpointDestination {
  std::string name;
  std::string url;
  SecretKey access_key;                   // sent as X-Amz-Firehose-Access-Key
  std::string content_encoding = "NONE";  // NONE, GZIP
  std::map<std::string, std::string> common_attributes;
  BufferingHints buffering;  // 1..64
  int32_t retry_duration_in_seconds = 300;
  std::string s3_backup_mode = "FailedDataOnly";  // AllData
  TlsOptions tls;
};

struct OpenSearchDestination {
  // Which API made it, and with it the words of its errors: OpenSearch, Elasticsearch, Serverless.
  std::string service = "OpenSearch";
  std::string endpoint;
  std::string index_name;
  std::string type_name;                         // Elasticsearch up to 6 only
  std::string index_rotation_period = "OneDay";  // NoRotation, OneHour, OneDay, OneWeek, OneMonth
  std::string default_document_id_format = "FIREHOSE_DEFAULT";  // NO_DOCUMENT_ID
  std::string auth_secret;                                      // Secret with username, password
  BufferingHints buffering;                                     // 1..100
  int32_t retry_duration_in_seconds = 300;
  std::string s3_backup_mode = "FailedDocumentsOnly";  // AllDocuments
  TlsOptions tls;
};

struct SplunkDestination {
  std::string hec_endpoint;
  std::string hec_endpoint_type = "Raw";  // Raw, Event
  SecretKey hec_token;
  int32_t hec_acknowledgment_timeout_in_seconds = 180;
  BufferingHints buffering{.size_in_mbs = 5, .interval_in_seconds = 60};  // 1..5, 0..60
  int32_t retry_duration_in_seconds = 300;
  std::string s3_backup_mode = "FailedEventsOnly";  // AllEvents
  TlsOptions tls;
};

struct CopyCommand {
  std::string data_table_name;
  std::string data_table_columns;
  std::string copy_options;
};

// Staged objects with a manifest, then COPY; speaks PostgreSQL's protocol.
struct RedshiftDestination {
  std::string jdbc_url;  // jdbc:redshift://host:port/database, jdbc:postgresql://...
  CopyCommand copy_command;
  std::string credentials_secret;  // username, password
  S3Destination s3;                // where objects are staged
  int32_t retry_duration_in_seconds = 3600;
  std::string s3_backup_mode = "Disabled";  // Enabled
};

// Records are lines of COPY's own input, sent over the connection.
struct PostgreSqlDestination {
  std::string connection_uri;  // postgresql://host:port/database?sslmode=require, without password
  CopyCommand copy_command;
  std::string credentials_secret;  // username, password
  BufferingHints buffering;
  int32_t retry_duration_in_seconds = 300;
  std::string s3_backup_mode = "FailedDataOnly";  // AllData
};

// How to reach a Kafka cluster: exactly one of cluster_ref and bootstrap_servers.
struct KafkaConnection {
  std::string cluster_ref;                      // a KafkaCluster of this namespace
  std::string bootstrap_servers;                // host:port,host:port
  std::string security_protocol = "PLAINTEXT";  // SSL, SASL_PLAINTEXT, SASL_SSL
  std::string sasl_mechanism;                   // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512; "": none
  std::string credentials_secret;               // username, password; for SSL: tls.crt, tls.key
  TlsOptions tls;
};

struct KafkaDestination {
  KafkaConnection connection;
  std::string topic_name;
  std::string record_key = "PartitionKey";  // PartitionKey, None
  std::string compression_type = "none";    // none, gzip, snappy, lz4, zstd
  BufferingHints buffering;
  int32_t retry_duration_in_seconds = 300;
  std::string s3_backup_mode = "FailedDataOnly";
};

struct StreamDestination {
  std::string stream_ref;                      // a Stream of this namespace
  std::string partition_key = "PartitionKey";  // PartitionKey: the source's; Random
  BufferingHints buffering{.size_in_mbs = 1, .interval_in_seconds = 0};
  int32_t retry_duration_in_seconds = 300;
  std::string s3_backup_mode = "FailedDataOnly";
};

void VisitHttpEndpoint(FieldVisitor& in, HttpEndpointDestination& http);
void VisitOpenSearch(FieldVisitor& in, OpenSearchDestination& search);
void VisitSplunk(FieldVisitor& in, SplunkDestination& splunk);
void VisitRedshift(FieldVisitor& in, RedshiftDestination& redshift);
void VisitPostgreSql(FieldVisitor& in, PostgreSqlDestination& postgresql);
void VisitKafkaConnection(FieldVisitor& in, KafkaConnection& kafka);
void VisitKafka(FieldVisitor& in, KafkaDestination& kafka);
void VisitStream(FieldVisitor& in, StreamDestination& stream);

}  // namespace millrace::resources
