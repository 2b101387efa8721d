#include "cli/agent/agent_config.h"

#include <algorithm>
#include <array>

namespace millrace::cli {
namespace {

constexpr std::array kFlowFields = {"filePattern",
                                    "kinesisStream",
                                    "initialPosition",
                                    "partitionKeyOption",
                                    "maxBufferAgeMillis",
                                    "maxBufferSizeBytes",
                                    "maxBufferSizeRecords",
                                    "minTimeBetweenFilePollsMillis",
                                    "skipHeaderLines",
                                    "multiLineStartPattern",
                                    "truncatedRecordTerminator",
                                    "dataProcessingOptions"};
constexpr std::array kGlobalFields = {"kinesis.endpoint", "awsAccessKeyId", "awsSecretAccessKey",
                                      "checkpointFile",   "kinesis.region", "flows"};
constexpr std::array kOptionNames = {"SINGLELINE", "CSVTOJSON", "LOGTOJSON", "ADDMETADATA",
                                     "ADDBRACKETS"};

Status Bounded(const json::Value& flow, std::string_view name, int64_t min, int64_t max,
               int64_t& out) {
  const json::Value& value = flow[name];
  if (value.is_null()) return OkStatus();
  if (!value.is_int() || value.AsInt() < min || value.AsInt() > max) {
    return InvalidArgument(std::string(name) + " must be a number from " + std::to_string(min) +
                           " to " + std::to_string(max));
  }
  out = value.AsInt();
  return OkStatus();
}

template <size_t N>
void NoteIgnored(const json::Value& object, const std::array<const char*, N>& known,
                 const std::string& place, std::vector<std::string>& ignored) {
  for (const auto& [name, value] : object.AsObject()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) ignored.push_back(place + name);
  }
}

Result<ProcessingOption> ParseOption(const json::Value& value) {
  ProcessingOption option;
  option.name = value["optionName"].AsString();
  if (std::find(kOptionNames.begin(), kOptionNames.end(), option.name) == kOptionNames.end()) {
    return InvalidArgument(
        "optionName '" + option.name +
        "' is not offered; there is: SINGLELINE, CSVTOJSON, LOGTOJSON, ADDMETADATA, ADDBRACKETS");
  }
  for (const json::Value& name : value["customFieldNames"].AsArray())
    option.field_names.push_back(name.AsString());
  if (value.Has("delimiter")) option.delimiter = value["delimiter"].AsString();
  option.log_format = value["logFormat"].AsString();
  option.match_pattern = value["matchPattern"].AsString();
  option.metadata = value["metadata"];
  if (option.name == "CSVTOJSON" && option.field_names.empty())
    return InvalidArgument("CSVTOJSON needs customFieldNames");
  if (option.name == "CSVTOJSON" && option.delimiter.size() != 1)
    return InvalidArgument("delimiter must be one character");
  if (option.name == "LOGTOJSON" && option.log_format.empty() && option.match_pattern.empty()) {
    return InvalidArgument("LOGTOJSON needs logFormat");
  }
  return option;
}

Result<FlowConfig> ParseFlow(const json::Value& value) {
  FlowConfig flow;
  flow.file_pattern = value["filePattern"].AsString();
  flow.stream = value["kinesisStream"].AsString();
  if (flow.file_pattern.empty()) return InvalidArgument("filePattern is missing");
  if (flow.stream.empty()) {
    return InvalidArgument(value.Has("deliveryStream")
                               ? "deliveryStream is not offered yet; use kinesisStream"
                               : "kinesisStream is missing");
  }
  const std::string& position = value["initialPosition"].AsString();
  if (!position.empty() && position != "START_OF_FILE" && position != "END_OF_FILE") {
    return InvalidArgument("initialPosition must be START_OF_FILE or END_OF_FILE");
  }
  flow.from_start = position == "START_OF_FILE";
  const std::string& key = value["partitionKeyOption"].AsString();
  if (!key.empty() && key != "RANDOM" && key != "DETERMINISTIC") {
    return InvalidArgument("partitionKeyOption must be RANDOM or DETERMINISTIC");
  }
  flow.deterministic_key = key == "DETERMINISTIC";
  RETURN_IF_ERROR(Bounded(value, "maxBufferAgeMillis", 100, 900'000, flow.buffer_age_ms_max));
  RETURN_IF_ERROR(Bounded(value, "maxBufferSizeBytes", 1, 5 * 1024 * 1024, flow.buffer_bytes_max));
  RETURN_IF_ERROR(Bounded(value, "maxBufferSizeRecords", 1, 500, flow.buffer_records_max));
  RETURN_IF_ERROR(Bounded(value, "minTimeBetweenFilePollsMillis", 1, 600'000, flow.poll_ms));
  RETURN_IF_ERROR(Bounded(value, "skipHeaderLines", 0, 1'000'000, flow.skip_header_lines));
  flow.multi_line_start = value["multiLineStartPattern"].AsString();
  if (value.Has("truncatedRecordTerminator"))
    flow.truncated_terminator = value["truncatedRecordTerminator"].AsString();
  for (const json::Value& entry : value["dataProcessingOptions"].AsArray()) {
    ASSIGN_OR_RETURN(ProcessingOption option, ParseOption(entry));
    flow.processing.push_back(std::move(option));
  }
  return flow;
}

// The agent's own form has no scheme: "kinesis.us-east-1.amazonaws.com".
std::string WithScheme(const std::string& endpoint) {
  return endpoint.empty() || endpoint.find("://") != std::string::npos ? endpoint
                                                                       : "https://" + endpoint;
}

}  // namespace

Result<AgentConfig> ParseAgentConfig(const json::Value& document,
                                     std::vector<std::string>& ignored) {
  if (!document.is_object()) return InvalidArgument("the configuration is not a JSON object");
  AgentConfig config;
  config.endpoint = WithScheme(document["kinesis.endpoint"].AsString());
  config.region = document["kinesis.region"].AsString();
  config.access_key_id = document["awsAccessKeyId"].AsString();
  config.secret_access_key = document["awsSecretAccessKey"].AsString();
  config.checkpoint_file = document["checkpointFile"].AsString();
  NoteIgnored(document, kGlobalFields, "", ignored);
  const json::Array& flows = document["flows"].AsArray();
  if (flows.empty()) return InvalidArgument("flows is missing or empty: nothing to follow");
  for (size_t i = 0; i < flows.size(); ++i) {
    std::string place = "flows[" + std::to_string(i) + "]";
    Result<FlowConfig> flow = ParseFlow(flows[i]);
    if (!flow.ok()) return flow.status().WithContext(place);
    NoteIgnored(flows[i], kFlowFields, place + ".", ignored);
    config.flows.push_back(std::move(*flow));
  }
  return config;
}

}  // namespace millrace::cli
