#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::cli {

// One step of dataProcessingOptions.
struct ProcessingOption {
  std::string name;  // SINGLELINE, CSVTOJSON, LOGTOJSON, ADDMETADATA, ADDBRACKETS
  std::vector<std::string> field_names{};
  std::string delimiter = ",";
  // COMMONAPACHELOG, COMBINEDAPACHELOG, APACHEERRORLOG, SYSLOG or RFC3339SYSLOG.
  std::string log_format{};
  std::string match_pattern{};  // instead of the format's own
  json::Value metadata{};
};

// One flow of the Kinesis Agent's configuration (aws-api E.4), with its defaults.
struct FlowConfig {
  std::string file_pattern;  // a path with globs in its last part
  std::string stream;
  bool from_start = false;             // initialPosition START_OF_FILE
  bool deterministic_key = false;      // partitionKeyOption
  int64_t buffer_age_ms_max = 60'000;  // maxBufferAgeMillis
  int64_t buffer_bytes_max = 4 * 1024 * 1024;
  int64_t buffer_records_max = 500;
  int64_t poll_ms = 100;  // minTimeBetweenFilePollsMillis
  int64_t skip_header_lines = 0;
  std::string multi_line_start;  // multiLineStartPattern
  std::string truncated_terminator = "\n";
  std::vector<ProcessingOption> processing;
};

struct AgentConfig {
  std::string endpoint;  // kinesis.endpoint, with a scheme
  std::string region;
  std::string access_key_id;
  std::string secret_access_key;
  std::string checkpoint_file;
  std::vector<FlowConfig> flows;
};

// agent.json as the Kinesis Agent takes it. Fields that this agent does not have are named in
// `ignored`; what is wrong is named with its place.
Result<AgentConfig> ParseAgentConfig(const json::Value& document,
                                     std::vector<std::string>& ignored);

}  // namespace millrace::cli
