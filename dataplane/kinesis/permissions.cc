#include "dataplane/kinesis/permissions.h"

#include <algorithm>

namespace millrace::kinesis {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Without recursion, so that a hostile pattern costs at most its length times the text's.
bool Fits(std::string_view pattern, std::string_view text, bool ignore_case) {
  size_t p = 0;
  size_t t = 0;
  size_t star = pattern.npos;  // the last '*' that was passed
  size_t resume = 0;           // where its run of letters ends so far
  while (t < text.size()) {
    const bool same = p < pattern.size() && pattern[p] != '*' &&
                      (ignore_case ? Lower(pattern[p]) == Lower(text[t]) : pattern[p] == text[t]);
    if (same) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

constexpr std::string_view kFirehose = "firehose:";

// Whether a rule's action is for this operation. An action without a service is Kinesis's, but for
// "*", which is for all.
bool HasAction(std::string_view action, std::string_view operation) {
  constexpr std::string_view kKinesis = "kinesis:";
  if (action == "*" || operation.starts_with(kFirehose)) return Fits(action, operation, true);
  return Fits(action.starts_with(kKinesis) ? action.substr(kKinesis.size()) : action, operation,
              true);
}

}  // namespace

bool Permissions::Allows(std::string_view operation, std::string_view stream) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    const bool has_action =
        std::any_of(rule.actions.begin(), rule.actions.end(),
                    [&](const std::string& action) { return HasAction(action, operation); });
    return has_action &&
           std::any_of(rule.streams.begin(), rule.streams.end(), [&](const std::string& pattern) {
             return stream.empty() ? pattern == "*" : Fits(pattern, stream, false);
           });
  });
}

Status CheckPermission(const aws::Identity& who, std::string_view operation,
                       std::string_view stream) {
  if (!who.grants || who.grants->Allows(operation, stream)) return OkStatus();
  const bool is_firehose = operation.starts_with(kFirehose);
  const std::string action = (is_firehose ? "" : "kinesis:") + std::string(operation);
  const std::string kind = is_firehose ? "deliverystream/" : "stream/";
  const std::string resource = stream.empty() ? "*" : kind + std::string(stream);
  return {Code::kAccessDenied,
          "User: arn:aws:iam::" + who.account_id + ":user/" + who.user_name +
              " is not authorized to perform: " + action + " on resource: " + resource +
              " because no identity-based policy allows the " + action + " action"};
}

}  // namespace millrace::kinesis
