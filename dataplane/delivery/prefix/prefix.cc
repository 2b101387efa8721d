#include "dataplane/delivery/prefix/prefix.h"

#include <algorithm>

namespace millrace::delivery {

namespace {

constexpr size_t kRandomStringLength = 11;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

std::string RandomString(Random& random) {
  std::string out(kRandomStringLength, ' ');
  for (char& c : out) c = kAlphabet[random.Below(kAlphabet.size())];
  return out;
}

void AddOnce(std::vector<std::string>& names, std::string_view name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

Result<std::string_view> KeyValue(
    const std::vector<std::pair<std::string_view, std::string_view>>& keys, std::string_view name) {
  for (const auto& [key, value] : keys) {
    if (key != name) continue;
    if (value.empty()) return InvalidArgument("partition key '" + std::string(name) + "' is empty");
    return value;
  }
  return InvalidArgument("partition key '" + std::string(name) + "' was not found");
}

}  // namespace

Result<Prefix> Prefix::Parse(std::string_view text, Use use, const TimeZone& zone) {
  if (text.size() > kPrefixLengthMax)
    return InvalidArgument("a prefix has at most 1024 characters");
  Prefix out;
  out.zone_ = zone;
  bool has_time = false;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = text.find("!{", at);
    if (begin != at) {
      out.parts_.push_back({Kind::kText, std::string(text.substr(at, begin - at))});
      if (begin == std::string_view::npos) break;
    }
    const size_t end = text.find('}', begin);
    if (end == std::string_view::npos)
      return InvalidArgument("'!{' is not closed in the prefix '" + std::string(text) + "'");
    RETURN_IF_ERROR(out.AddExpression(text.substr(begin + 2, end - begin - 2), use));
    has_time = has_time || out.parts_.back().kind == Kind::kTime;
    at = end + 1;
  }
  out.has_expressions_ = std::any_of(out.parts_.begin(), out.parts_.end(),
                                     [](const Part& part) { return part.kind != Kind::kText; });
  const bool has_keys = !out.query_keys_.empty() || !out.function_keys_.empty();
  if (use == Use::kData && !has_time && !has_keys) {
    ASSIGN_OR_RETURN(TimePattern time, TimePattern::Parse(kDefaultTimePrefix));
    out.parts_.push_back({Kind::kTime, {}, std::move(time)});
  }
  return out;
}

Status Prefix::AddExpression(std::string_view body, Use use) {
  const size_t colon = body.find(':');
  const std::string_view space = body.substr(0, colon);
  const std::string_view what =
      colon == std::string_view::npos ? std::string_view() : body.substr(colon + 1);
  if (what.empty())
    return InvalidArgument(
        "'!{" + std::string(body) +
        "}' is no expression: it needs a namespace, a colon and a value, such as "
        "!{timestamp:yyyy}");
  if (space == "timestamp") {
    ASSIGN_OR_RETURN(TimePattern time, TimePattern::Parse(what));
    parts_.push_back({Kind::kTime, {}, std::move(time)});
    return OkStatus();
  }
  if (space == "firehose") return AddFirehose(what, use);
  const bool is_query = space == "partitionKeyFromQuery";
  if (!is_query && space != "partitionKeyFromLambda")
    return InvalidArgument("there is no namespace '" + std::string(space) +
                           "' in prefixes: use timestamp, firehose, partitionKeyFromQuery or "
                           "partitionKeyFromLambda");
  if (use == Use::kError)
    return InvalidArgument("an error output prefix can't have partition keys ('!{" +
                           std::string(body) + "}')");
  AddOnce(is_query ? query_keys_ : function_keys_, what);
  parts_.push_back({is_query ? Kind::kQueryKey : Kind::kFunctionKey, std::string(what)});
  return OkStatus();
}

Status Prefix::AddFirehose(std::string_view what, Use use) {
  if (what == "random-string") {
    has_random_ = true;
    parts_.push_back({Kind::kRandom});
    return OkStatus();
  }
  if (what != "error-output-type")
    return InvalidArgument("there is no '!{firehose:" + std::string(what) +
                           "}': use random-string or error-output-type");
  if (use == Use::kData)
    return InvalidArgument("!{firehose:error-output-type} goes into the error output prefix only");
  has_error_output_type_ = true;
  parts_.push_back({Kind::kErrorType});
  return OkStatus();
}

Result<std::string> Prefix::Evaluate(const PrefixInput& input, Random& random) const {
  std::string out;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::kText:
        out += part.text;
        break;
      case Kind::kTime:
        out += part.time.Format(input.oldest_arrival_ms, zone_);
        break;
      case Kind::kRandom:
        out += RandomString(random);
        break;
      case Kind::kErrorType:
        out += input.error_output_type;
        break;
      case Kind::kQueryKey:
      case Kind::kFunctionKey: {
        const auto& keys = part.kind == Kind::kQueryKey ? input.query_keys : input.function_keys;
        ASSIGN_OR_RETURN(std::string_view value, KeyValue(keys, part.text));
        out += value;
        break;
      }
    }
  }
  if (out.size() > kEvaluatedPrefixLengthMax)
    return InvalidArgument("the prefix has " + std::to_string(out.size()) +
                           " characters once it is evaluated; 512 are allowed");
  return out;
}

Status ValidatePrefixes(const Prefix& data, std::string_view error_text, const Prefix& error,
                        bool is_partitioned) {
  const bool has_keys = !data.query_keys().empty() || !data.function_keys().empty();
  if (has_keys && !is_partitioned)
    return InvalidArgument(
        "the prefix has partition keys, but dynamic partitioning is not enabled");
  if (is_partitioned && !has_keys)
    return InvalidArgument(
        "dynamic partitioning needs a prefix with partitionKeyFromQuery or partitionKeyFromLambda");
  if (data.has_expressions() && error_text.empty())
    return InvalidArgument("a prefix with expressions needs an error output prefix");
  if (!error_text.empty() && error.has_expressions() && !error.has_error_output_type())
    return InvalidArgument(
        "an error output prefix with expressions must have !{firehose:error-output-type}");
  if (data.has_expressions() && !error.has_error_output_type())
    return InvalidArgument("the error output prefix must have !{firehose:error-output-type}");
  return OkStatus();
}

Result<Prefix> DefaultErrorPrefix(std::string_view data_text, const TimeZone& zone) {
  return Prefix::Parse(
      std::string(data_text) + "!{firehose:error-output-type}/!{timestamp:yyyy/MM/DDD/HH/}",
      Prefix::Use::kError, zone);
}

std::string ObjectName(std::string_view stream, std::string_view version, WallMs oldest_arrival_ms,
                       std::string_view uuid, std::string_view extension) {
  static const TimePattern time = TimePattern::Parse("yyyy-MM-dd-HH-mm-ss").value();
  std::string out(stream);
  out += '-';
  out += version;
  out += '-';
  out += time.Format(oldest_arrival_ms, TimeZone());
  out += '-';
  out += uuid;
  out += extension;
  return out;
}

std::string RotatedIndex(std::string_view index, std::string_view rotation, WallMs arrival_ms) {
  const std::string_view pattern = rotation == "OneHour"    ? "-yyyy-MM-dd-HH"
                                   : rotation == "OneDay"   ? "-yyyy-MM-dd"
                                   : rotation == "OneWeek"  ? "-YYYY-'w'ww"
                                   : rotation == "OneMonth" ? "-yyyy-MM"
                                                            : "";
  return std::string(index) + TimePattern::Parse(pattern).value().Format(arrival_ms, TimeZone());
}

}  // namespace millrace::delivery
