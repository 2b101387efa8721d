#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/agent/agent_config.h"
#include "common/base/status.h"

namespace millrace::cli {

// Runs a flow's dataProcessingOptions over one record, in their order. Patterns are compiled once
// (RE2: no input makes them slow). Immutable after Make; any thread.
class RecordConverter {
 public:
  static Result<RecordConverter> Make(const std::vector<ProcessingOption>& options);
  ~RecordConverter();
  RecordConverter(RecordConverter&&) noexcept;

  // The converted record with its line end; nothing where a LOGTOJSON pattern does not match, as
  // the Kinesis Agent drops such a line (the caller counts it).
  std::optional<std::string> Convert(std::string_view record) const;

 private:
  struct Step;
  RecordConverter();
  std::vector<std::unique_ptr<Step>> steps_;
};

// One line of CSV (RFC 4180 quoting). Pure.
std::vector<std::string> SplitCsv(std::string_view line, char delimiter);

}  // namespace millrace::cli
