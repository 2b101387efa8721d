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

std::string_view WithoutService(std::string_view action) {
  constexpr std::string_view kService = "kinesis:";
  return action.starts_with(kService) ? action.substr(kService.size()) : action;
}

}  // namespace

bool Permissions::Allows(std::string_view operation, std::string_view stream) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    const bool has_action = std::any_of(
        rule.actions.begin(), rule.actions.end(),
        [&](const std::string& action) { return Fits(WithoutService(action), operation, true); });
    return has_action &&
           std::any_of(rule.streams.begin(), rule.streams.end(), [&](const std::string& pattern) {
             return stream.empty() ? pattern == "*" : Fits(pattern, stream, false);
           });
  });
}

Status CheckPermission(const aws::Identity& who, std::string_view operation,
                       std::string_view stream) {
  if (!who.grants || who.grants->Allows(operation, stream)) return OkStatus();
  const bool is_firehose = operation.starts_with("firehose:");
  const std::string action = (is_firehose ? "" : "kinesis:") + std::string(operation);
  const std::string kind = is_firehose ? "deliverystream/" : "stream/";
  const std::string resource = stream.empty() ? "*" : kind + std::string(stream);
  return {Code::kAccessDenied,
          "User: arn:aws:iam::" + who.account_id + ":user/" + who.user_name +
              " is not authorized to perform: " + action + " on resource: " + resource +
              " because no identity-based policy allows the " + action + " action"};
}

}  // namespace millrace::kinesis
