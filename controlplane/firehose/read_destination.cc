#include "controlplane/firehose/read_destination.h"

#include "controlplane/firehose/take_members.h"

namespace millrace::controlplane {

using json::Value;
using resources::DeliveryStreamSpec;
using resources::SecretKey;

namespace {

struct Known {
  std::string_view member;
  std::string_view type;  // "": not offered
};
constexpr Known kKnown[] = {{"S3Destination", "S3"},
                            {"ExtendedS3Destination", "S3"},
                            {"RedshiftDestination", "Redshift"},
                            {"ElasticsearchDestination", "OpenSearch"},
                            {"AmazonopensearchserviceDestination", "OpenSearch"},
                            {"AmazonOpenSearchServerlessDestination", "OpenSearch"},
                            {"SplunkDestination", "Splunk"},
                            {"HttpEndpointDestination", "HttpEndpoint"},
                            {"SnowflakeDestination", ""},
                            {"IcebergDestination", ""}};
constexpr std::string_view kSecretMembers[] = {"AccessKey", "HECToken",   "Password",
                                               "Username",  "PrivateKey", "KeyPassphrase"};

// Where a request's secrets go: into the delivery stream's own Secret, or the one that it names.
struct SecretPlace {
  const Value& config;
  const std::string& own;
  DestinationExtras& extras;

  std::string named() const {
    const Value& manager = config["SecretsManagerConfiguration"];
    return manager["Enabled"].AsBool() ? SecretNameIn(manager["SecretARN"].AsString()) : "";
  }
  void Take(const Value& in, std::string_view member, std::string_view entry, SecretKey& key) {
    if (const std::string name = named(); !name.empty()) {
      key = {name, std::string(entry)};
    } else if (in.Has(member)) {
      extras.secrets[std::string(entry)] = in[member].AsString();
      key = {own, std::string(entry)};
    }
  }
};

// S3Configuration and S3Update, S3BackupConfiguration and S3BackupUpdate.
const Value& Either(const Value& in, std::string_view stem) {
  const Value& made = in[std::string(stem) + "Configuration"];
  return made.is_null() ? in[std::string(stem) + "Update"] : made;
}

Status TakeBackup(const Value& s3, DeliveryStreamSpec& spec) {
  if (s3.is_null()) return OkStatus();
  if (!spec.backup.s3) spec.backup.s3.emplace();
  spec.backup.folder.reset();
  return TakeS3(s3, *spec.backup.s3);
}

Status TakeHttpEndpoint(const Value& in, SecretPlace& secrets, DeliveryStreamSpec& spec) {
  auto& http = spec.destination.http_endpoint;
  if (!http) http.emplace();
  const Value& endpoint = in["EndpointConfiguration"];
  Take(endpoint, "Url", http->url);
  Take(endpoint, "Name", http->name);
  secrets.Take(endpoint, "AccessKey", "api_key", http->access_key);
  const Value& request = in["RequestConfiguration"];
  Take(request, "ContentEncoding", http->content_encoding);
  if (request.Has("CommonAttributes")) {
    http->common_attributes.clear();
    for (const Value& attribute : request["CommonAttributes"].AsArray()) {
      http->common_attributes[attribute["AttributeName"].AsString()] =
          attribute["AttributeValue"].AsString();
    }
  }
  Take(in, "S3BackupMode", http->s3_backup_mode);
  TakeRetry(in, http->retry_duration_in_seconds);
  RETURN_IF_ERROR(TakeHints(in, http->buffering));
  return TakeBackup(Either(in, "S3"), spec);
}

Status TakeOpenSearch(const RequestedDestination& requested, DeliveryStreamSpec& spec) {
  const Value& in = *requested.config;
  auto& search = spec.destination.open_search;
  if (!search) {
    search.emplace().service = requested.member.starts_with("Elastic")      ? "Elasticsearch"
                               : requested.member.starts_with("AmazonOpen") ? "Serverless"
                                                                            : "OpenSearch";
    if (search->service == "Serverless") search->index_rotation_period = "NoRotation";
  }
  Take(in, "ClusterEndpoint", search->endpoint);
  Take(in, "CollectionEndpoint", search->endpoint);
  if (search->endpoint.empty()) {
    return InvalidArgument(
        in.Has("DomainARN")
            ? "A domain cannot be found by its ARN here; specify its address as ClusterEndpoint."
            : "Either DomainARN or ClusterEndpoint must be specified.");
  }
  Take(in, "IndexName", search->index_name);
  Take(in, "TypeName", search->type_name);
  Take(in, "IndexRotationPeriod", search->index_rotation_period);
  Take(in["DocumentIdOptions"], "DefaultDocumentIdFormat", search->default_document_id_format);
  Take(in, "S3BackupMode", search->s3_backup_mode);
  TakeRetry(in, search->retry_duration_in_seconds);
  RETURN_IF_ERROR(TakeHints(in, search->buffering));
  return TakeBackup(Either(in, "S3"), spec);
}

Status TakeSplunk(const Value& in, SecretPlace& secrets, DeliveryStreamSpec& spec) {
  auto& splunk = spec.destination.splunk;
  if (!splunk) splunk.emplace();
  Take(in, "HECEndpoint", splunk->hec_endpoint);
  Take(in, "HECEndpointType", splunk->hec_endpoint_type);
  secrets.Take(in, "HECToken", "hec_token", splunk->hec_token);
  if (splunk->hec_token.empty()) {
    return InvalidArgument("HECToken or an enabled SecretsManagerConfiguration must be specified.");
  }
  Take(in, "HECAcknowledgmentTimeoutInSeconds", splunk->hec_acknowledgment_timeout_in_seconds);
  Take(in, "S3BackupMode", splunk->s3_backup_mode);
  TakeRetry(in, splunk->retry_duration_in_seconds);
  RETURN_IF_ERROR(TakeHints(in, splunk->buffering));
  return TakeBackup(Either(in, "S3"), spec);
}

Status TakeRedshift(const Value& in, SecretPlace& secrets, DeliveryStreamSpec& spec) {
  auto& redshift = spec.destination.redshift;
  if (!redshift) redshift.emplace();
  Take(in, "ClusterJDBCURL", redshift->jdbc_url);
  const Value& copy = in["CopyCommand"];
  Take(copy, "DataTableName", redshift->copy_command.data_table_name);
  Take(copy, "DataTableColumns", redshift->copy_command.data_table_columns);
  Take(copy, "CopyOptions", redshift->copy_command.copy_options);
  SecretKey user;
  SecretKey password;
  secrets.Take(in, "Username", "username", user);
  secrets.Take(in, "Password", "password", password);
  if (!user.empty() || !password.empty()) {
    redshift->credentials_secret = user.empty() ? password.name : user.name;
  }
  Take(in, "S3BackupMode", redshift->s3_backup_mode);
  TakeRetry(in, redshift->retry_duration_in_seconds);
  RETURN_IF_ERROR(TakeS3(Either(in, "S3"), redshift->s3));
  return TakeBackup(Either(in, "S3Backup"), spec);
}

void TakeProcessing(const Value& in, DeliveryStreamSpec& spec) {
  if (in.is_null()) return;
  Take(in, "Enabled", spec.processing_enabled);
  if (!in.Has("Processors")) return;
  spec.processors.clear();
  for (const Value& item : in["Processors"].AsArray()) {
    resources::DeliveryProcessor& processor = spec.processors.emplace_back();
    processor.type = item["Type"].AsString();
    for (const Value& parameter : item["Parameters"].AsArray()) {
      processor.parameters[parameter["ParameterName"].AsString()] =
          parameter["ParameterValue"].AsString();
    }
  }
}

// As Describe has them: one name for what is made and what is updated, and no secrets.
Value ShownMembers(const Value& config) {
  Value out = json::Object{};
  for (const auto& [name, value] : config.AsObject()) {
    bool secret = false;
    for (const std::string_view member : kSecretMembers) secret = secret || name == member;
    if (secret) continue;
    const bool s3 = name == "S3Configuration" || name == "S3Update";
    const bool backup = name == "S3BackupConfiguration" || name == "S3BackupUpdate";
    const std::string shown = s3                           ? "S3DestinationDescription"
                              : backup                     ? "S3BackupDescription"
                              : name == "VpcConfiguration" ? "VpcConfigurationDescription"
                                                           : name;
    out.Set(shown, value.is_object() ? ShownMembers(value) : value);
  }
  return out;
}

}  // namespace

Result<RequestedDestination> FindDestination(const Value& input, std::string_view suffix) {
  RequestedDestination found;
  int count = 0;
  for (const Known& known : kKnown) {
    const Value* config = input.Find(std::string(known.member) + std::string(suffix));
    if (config == nullptr || config->is_null()) continue;
    if (known.type.empty()) {
      return InvalidArgument(std::string(known.member) + std::string(suffix) +
                             " is not offered by Millrace yet.");
    }
    found = {known.type, known.member, config};
    ++count;
  }
  if (count != 1) {
    return InvalidArgument("Exactly one destination configuration is supported for a Firehose");
  }
  return found;
}

Status TakeDestination(const RequestedDestination& requested, const std::string& secret_name,
                       DeliveryStreamSpec& spec, DestinationExtras& extras) {
  const Value& in = *requested.config;
  if (spec.destination.type != requested.type) {
    spec.destination = {};
    spec.destination.type = requested.type;
    spec.backup = {};
    spec.processors.clear();
    extras.shown = json::Object{};
  }
  extras.shown = MergeMembers(std::move(extras.shown), ShownMembers(in));
  TakeProcessing(in["ProcessingConfiguration"], spec);
  SecretPlace secrets{in, secret_name, extras};
  if (requested.type == "HttpEndpoint") return TakeHttpEndpoint(in, secrets, spec);
  if (requested.type == "OpenSearch") return TakeOpenSearch(requested, spec);
  if (requested.type == "Splunk") return TakeSplunk(in, secrets, spec);
  if (requested.type == "Redshift") return TakeRedshift(in, secrets, spec);
  if (!spec.destination.s3) spec.destination.s3.emplace();
  RETURN_IF_ERROR(TakeExtendedS3(in, *spec.destination.s3));
  return TakeBackup(Either(in, "S3Backup"), spec);
}

Value MergeMembers(Value base, const Value& over) {
  if (!base.is_object() || !over.is_object()) return over;
  for (const auto& [name, value] : over.AsObject()) {
    base.Set(name, MergeMembers(std::as_const(base)[name], value));
  }
  return base;
}

}  // namespace millrace::controlplane
