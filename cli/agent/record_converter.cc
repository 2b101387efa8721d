#include "cli/agent/record_converter.h"

#include <re2/re2.h>

#include <algorithm>
#include <map>

#include "common/json/value.h"

namespace millrace::cli {

struct RecordConverter::Step {
  virtual ~Step() = default;
  virtual std::optional<std::string> Run(std::string_view record) const = 0;
};

namespace {

std::string_view WithoutLineEnd(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The formats' patterns and their field names, as the Kinesis Agent documents them.
struct LogFormat {
  const char* pattern;
  std::vector<std::string> fields;
};

const std::map<std::string, LogFormat>& LogFormats() {
  static const std::map<std::string, LogFormat> formats = {
      {"COMMONAPACHELOG",
       {R"re(^(\S+) (\S+) (\S+) \[([\w:/]+\s[+\-]\d{4})\] "(.*?)" (\d{3}) (\S+))re",
        {"host", "ident", "authuser", "datetime", "request", "response", "bytes"}}},
      {"COMBINEDAPACHELOG",
       {R"re(^(\S+) (\S+) (\S+) \[([\w:/]+\s[+\-]\d{4})\] "(.*?)" (\d{3}) (\S+) "(.*?)" "(.*?)")re",
        {"host", "ident", "authuser", "datetime", "request", "response", "bytes", "referrer",
         "agent"}}},
      {"APACHEERRORLOG",
       {R"re(^\[([\w :.]+)\] \[([\w:]+)\] \[pid (\d+)(?::tid \d+)?\] (?:\[client ([^\]]+)\] )?(.*))re",
        {"timestamp", "module", "pid", "client", "message"}}},
      {"SYSLOG",
       {R"re(^((?:\w{3}\s+\d{1,2}\s\d{2}:\d{2}:\d{2})) (\S+) ([^\[:]+)(?:\[(\d+)\])?: (.*))re",
        {"timestamp", "hostname", "program", "processid", "message"}}},
      {"RFC3339SYSLOG",
       {R"re(^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+\-]\d{2}:\d{2})) (\S+) ([^\[:]+)(?:\[(\d+)\])?: (.*))re",
        {"timestamp", "hostname", "program", "processid", "message"}}},
  };
  return formats;
}

}  // namespace

std::vector<std::string> SplitCsv(std::string_view line, char delimiter) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += '"';
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == delimiter && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  return fields;
}

namespace {

struct SingleLine final {
  std::optional<std::string> operator()(std::string_view record) const {
    std::string out;
    while (!record.empty()) {
      size_t end = record.find('\n');
      out += Trimmed(WithoutLineEnd(record.substr(0, end)));
      record.remove_prefix(end == std::string_view::npos ? record.size() : end + 1);
    }
    return out + "\n";
  }
};

struct CsvToJson final {
  std::vector<std::string> names;
  char delimiter;
  std::optional<std::string> operator()(std::string_view record) const {
    std::vector<std::string> fields = SplitCsv(WithoutLineEnd(record), delimiter);
    json::Value out = json::Object{};
    for (size_t i = 0; i < names.size(); ++i) {
      out.Set(names[i], i < fields.size() ? json::Value(fields[i]) : json::Value());
    }
    return json::WriteJson(out) + "\n";
  }
};

struct LogToJson final {
  std::shared_ptr<re2::RE2> pattern;
  std::vector<std::string> names;
  std::optional<std::string> operator()(std::string_view record) const {
    std::string_view line = WithoutLineEnd(record);
    auto groups = static_cast<size_t>(pattern->NumberOfCapturingGroups());
    std::vector<re2::StringPiece> found(groups + 1);
    re2::StringPiece text(line.data(), line.size());
    if (!pattern->Match(text, 0, line.size(), re2::RE2::UNANCHORED, found.data(),
                        static_cast<int>(found.size()))) {
      return std::nullopt;
    }
    json::Value out = json::Object{};
    for (size_t i = 0; i < std::min(names.size(), groups); ++i) {
      const re2::StringPiece& group = found[i + 1];
      bool absent = group.data() == nullptr;
      out.Set(names[i],
              absent ? json::Value() : json::Value(std::string(group.data(), group.size())));
    }
    return json::WriteJson(out) + "\n";
  }
};

struct AddMetadata final {
  json::Value metadata;
  std::optional<std::string> operator()(std::string_view record) const {
    json::Value out = json::Object{};
    out.Set("metadata", metadata);
    std::string_view line = WithoutLineEnd(record);
    Result<json::Value> parsed = json::ParseJson(line);
    out.Set("data", parsed.ok() ? *parsed : json::Value(line));
    return json::WriteJson(out) + "\n";
  }
};

struct AddBrackets final {
  std::optional<std::string> operator()(std::string_view record) const {
    return "{" + std::string(WithoutLineEnd(record)) + "}\n";
  }
};

Result<LogToJson> MakeLogToJson(const ProcessingOption& option) {
  auto known = LogFormats().find(option.log_format);
  if (known == LogFormats().end() && option.match_pattern.empty()) {
    return InvalidArgument(
        "logFormat '" + option.log_format +
        "' is not known; there is: COMMONAPACHELOG, COMBINEDAPACHELOG, APACHEERRORLOG, SYSLOG, "
        "RFC3339SYSLOG");
  }
  std::string text = option.match_pattern.empty() ? known->second.pattern : option.match_pattern;
  auto pattern = std::make_shared<re2::RE2>(text, re2::RE2::Quiet);
  if (!pattern->ok()) return InvalidArgument("matchPattern: " + pattern->error());
  std::vector<std::string> names = option.field_names;
  if (names.empty() && known != LogFormats().end()) names = known->second.fields;
  if (names.empty()) return InvalidArgument("LOGTOJSON with matchPattern needs customFieldNames");
  return LogToJson{std::move(pattern), std::move(names)};
}

}  // namespace

RecordConverter::RecordConverter() = default;
RecordConverter::~RecordConverter() = default;
RecordConverter::RecordConverter(RecordConverter&&) noexcept = default;

Result<RecordConverter> RecordConverter::Make(const std::vector<ProcessingOption>& options) {
  RecordConverter converter;
  auto add = [&](auto run) {
    struct Holder final : Step {
      explicit Holder(decltype(run) r) : run_(std::move(r)) {}
      std::optional<std::string> Run(std::string_view record) const override {
        return run_(record);
      }
      decltype(run) run_;
    };
    converter.steps_.push_back(std::make_unique<Holder>(std::move(run)));
  };
  for (const ProcessingOption& option : options) {
    if (option.name == "SINGLELINE") {
      add(SingleLine{});
    } else if (option.name == "CSVTOJSON") {
      add(CsvToJson{option.field_names, option.delimiter[0]});
    } else if (option.name == "LOGTOJSON") {
      ASSIGN_OR_RETURN(LogToJson step, MakeLogToJson(option));
      add(std::move(step));
    } else if (option.name == "ADDMETADATA") {
      add(AddMetadata{option.metadata});
    } else {
      add(AddBrackets{});
    }
  }
  return converter;
}

std::optional<std::string> RecordConverter::Convert(std::string_view record) const {
  std::string current(record);
  for (const auto& step : steps_) {
    std::optional<std::string> next = step->Run(current);
    if (!next) return std::nullopt;
    current = std::move(*next);
  }
  return current;
}

}  // namespace millrace::cli
