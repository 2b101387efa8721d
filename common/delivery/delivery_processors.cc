#include "common/delivery/delivery_processors.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>

#include "common/base/nearest_name.h"

namespace millrace::resources {
namespace {

using Fits = bool (*)(std::string_view);

bool IsAny(std::string_view) { return true; }
bool IsJq16(std::string_view text) { return text == "JQ-1.6"; }
bool IsSubRecordType(std::string_view text) { return text == "JSON" || text == "DELIMITED"; }
bool IsGzip(std::string_view text) { return text == "GZIP"; }
bool IsTruth(std::string_view text) { return text == "true" || text == "false"; }
bool IsFunction(std::string_view text) {
  return text.starts_with("arn:") || text.starts_with("http://") || text.starts_with("https://");
}

template <int min, int max>
bool IsInt(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= min && number <= max;
}

// 0.2 to 3, as AWS has it.
bool IsFunctionBuffer(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0.2 && number <= 3;
}

struct ParameterRule {
  std::string_view type;
  std::string_view name;
  bool required;
  Fits fits;
  std::string_view form;
};

constexpr ParameterRule kParameters[] = {
    {"Lambda", "LambdaArn", true, IsFunction, "an ARN or an http(s) address"},
    {"Lambda", "NumberOfRetries", false, IsInt<0, 300>, "a whole number from 0 to 300"},
    {"Lambda", "RoleArn", false, IsAny, ""},
    {"Lambda", "BufferSizeInMBs", false, IsFunctionBuffer, "a number from 0.2 to 3"},
    {"Lambda", "BufferIntervalInSeconds", false, IsInt<0, 900>, "a whole number from 0 to 900"},
    {"MetadataExtraction", "MetadataExtractionQuery", true, IsAny, ""},
    {"MetadataExtraction", "JsonParsingEngine", true, IsJq16, "JQ-1.6"},
    {"RecordDeAggregation", "SubRecordType", true, IsSubRecordType, "JSON or DELIMITED"},
    {"RecordDeAggregation", "Delimiter", false, IsAny, ""},
    {"AppendDelimiterToRecord", "Delimiter", false, IsAny, ""},
    {"Decompression", "CompressionFormat", true, IsGzip, "GZIP"},
    {"CloudWatchLogProcessing", "DataMessageExtraction", true, IsTruth, "true or false"},
};

const ParameterRule* FindRule(std::string_view type, std::string_view name) {
  for (const ParameterRule& rule : kParameters) {
    if (rule.type == type && rule.name == name) return &rule;
  }
  return nullptr;
}

std::string SuggestParameter(std::string_view type, std::string_view name) {
  std::vector<std::string> known;
  for (const ParameterRule& rule : kParameters) {
    if (rule.type == type) known.emplace_back(rule.name);
  }
  return SuggestName(std::string(name), known);
}

void CheckParameters(FieldVisitor& in, const DeliveryProcessor& processor) {
  for (const auto& [name, value] : processor.parameters) {
    const ParameterRule* rule = FindRule(processor.type, name);
    if (rule == nullptr) {
      in.Add("parameters." + name,
             "is no parameter of " + processor.type + SuggestParameter(processor.type, name));
    } else if (!rule->fits(value)) {
      in.Add("parameters." + name, "must be " + std::string(rule->form));
    }
  }
  for (const ParameterRule& rule : kParameters) {
    if (rule.type == processor.type && rule.required &&
        !processor.parameters.contains(std::string(rule.name))) {
      in.Add("parameters." + std::string(rule.name), "is needed");
    }
  }
  const bool delimited = processor.Parameter("SubRecordType") == "DELIMITED";
  if (processor.type == "RecordDeAggregation" &&
      delimited != processor.parameters.contains("Delimiter")) {
    in.Add("parameters.Delimiter", "goes with SubRecordType DELIMITED, and that with it");
  }
}

}  // namespace

std::string DeliveryProcessor::Parameter(std::string_view name, std::string_view fallback) const {
  const auto found = parameters.find(std::string(name));
  return found == parameters.end() ? std::string(fallback) : found->second;
}

void VisitProcessor(FieldVisitor& in, DeliveryProcessor& processor) {
  in.OneOf("type", processor.type,
           {"RecordDeAggregation", "Decompression", "CloudWatchLogProcessing", "Lambda",
            "MetadataExtraction", "AppendDelimiterToRecord"});
  if (processor.type.empty()) in.Add("type", "is needed");
  in.Map("parameters", processor.parameters, std::size(kParameters), {.chars_max = 5120});
  if (!processor.type.empty()) CheckParameters(in, processor);
}

void CheckProcessors(FieldVisitor& in, const DeliveryStreamSpec& spec) {
  std::set<std::string> types;
  for (const DeliveryProcessor& processor : spec.processors) {
    if (!types.insert(processor.type).second) {
      in.Add("processors", "has " + processor.type + " twice");
    }
  }
  if (types.contains("CloudWatchLogProcessing") && !types.contains("Decompression")) {
    in.Add("processors", "CloudWatchLogProcessing needs Decompression");
  }
  const ObjectLayout* layout = spec.objects();
  if (layout == nullptr || !layout->partitions()) return;
  const std::string& prefix = layout->prefix;
  if (prefix.find("!{partitionKeyFromQuery:") != std::string::npos &&
      !types.contains("MetadataExtraction")) {
    in.Add("processors", "partitionKeyFromQuery in the prefix needs MetadataExtraction");
  }
  if (prefix.find("!{partitionKeyFromLambda:") != std::string::npos && !types.contains("Lambda")) {
    in.Add("processors", "partitionKeyFromLambda in the prefix needs Lambda");
  }
}

}  // namespace millrace::resources
