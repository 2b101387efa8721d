#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/status.h"
#include "dataplane/delivery/prefix/time_pattern.h"

namespace millrace::delivery {

inline constexpr size_t kPrefixLengthMax = 1024;          // of the expression
inline constexpr size_t kEvaluatedPrefixLengthMax = 512;  // of what comes out
inline constexpr std::string_view kDefaultTimePrefix = "yyyy/MM/dd/HH/";

// What an expression is evaluated with.
struct PrefixInput {
  WallMs oldest_arrival_ms = 0;  // of the records in the object
  std::vector<std::pair<std::string_view, std::string_view>> query_keys{};
  std::vector<std::pair<std::string_view, std::string_view>> function_keys{};
  std::string_view error_output_type{};  // error output only
};

// Firehose's prefix language (custom prefixes for Amazon S3 objects): text with
// `!{timestamp:PATTERN}`, `!{firehose:random-string}`, `!{firehose:error-output-type}`,
// `!{partitionKeyFromQuery:KEY}` and `!{partitionKeyFromLambda:KEY}`. Compiled once; a value, any
// thread.
class Prefix {
 public:
  enum class Use { kData, kError };
  // InvalidArgument says which expression is wrong and what there is. An empty data prefix, or one
  // without timestamp and partition keys, gets `!{timestamp:yyyy/MM/dd/HH/}` at its end, as
  // Firehose does.
  static Result<Prefix> Parse(std::string_view text, Use use, const TimeZone& zone);

  // InvalidArgument where a partition key is missing or empty, or the outcome is over 512
  // characters: the records go to the error output.
  Result<std::string> Evaluate(const PrefixInput& input, Random& random) const;

  bool has_expressions() const { return has_expressions_; }
  bool has_error_output_type() const { return has_error_output_type_; }
  bool has_random() const { return has_random_; }
  // The names that Evaluate needs, each once, in order.
  const std::vector<std::string>& query_keys() const { return query_keys_; }
  const std::vector<std::string>& function_keys() const { return function_keys_; }

 private:
  enum class Kind { kText, kTime, kRandom, kErrorType, kQueryKey, kFunctionKey };
  struct Part {
    Kind kind = Kind::kText;
    std::string text{};  // the text, or the key
    TimePattern time{};
  };
  Status AddExpression(std::string_view body, Use use);
  Status AddFirehose(std::string_view what, Use use);

  TimeZone zone_;
  std::vector<Part> parts_;
  std::vector<std::string> query_keys_;
  std::vector<std::string> function_keys_;
  bool has_expressions_ = false;
  bool has_error_output_type_ = false;
  bool has_random_ = false;
};

// The rules over both prefixes of a destination: a data prefix with expressions asks for an error
// prefix, which must have the error output type; partition keys and dynamic partitioning go
// together.
Status ValidatePrefixes(const Prefix& data, std::string_view error_text, const Prefix& error,
                        bool is_partitioned);

// What is used where no error prefix is given: `<data prefix><error-output-type>/yyyy/MM/DDD/HH/`.
Result<Prefix> DefaultErrorPrefix(std::string_view data_text, const TimeZone& zone);

// `<stream>-<version>-<yyyy-MM-dd-HH-mm-ss>-<uuid><extension>`, in UTC.
std::string ObjectName(std::string_view stream, std::string_view version, WallMs oldest_arrival_ms,
                       std::string_view uuid, std::string_view extension);

// An OpenSearch index for records that arrived then, in UTC: "idx-2016-02-25-13" for OneHour,
// "idx-2016-02-25" (OneDay), "idx-2016-w08" (OneWeek, Sunday first), "idx-2016-02" (OneMonth),
// "idx" for every other rotation.
std::string RotatedIndex(std::string_view index, std::string_view rotation, WallMs arrival_ms);

}  // namespace millrace::delivery
