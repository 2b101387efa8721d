#include "common/resources/stream_user_resource.h"

#include <algorithm>

#include "common/resources/field_reader.h"

namespace millrace::resources {
namespace {

using json::Value;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*'; }

bool IsAction(std::string_view text) {
  for (const std::string_view service : {"kinesis:", "firehose:"}) {
    if (text.starts_with(service)) text.remove_prefix(service.size());
  }
  return !text.empty() && std::all_of(text.begin(), text.end(), IsLetter);
}

bool IsStreamPattern(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
}

struct PatternRule {
  size_t chars_max;
  bool (*fits)(std::string_view);
  std::string_view text;
};

void ReadPatterns(FieldReader& in, std::string_view name, const PatternRule& rule,
                  std::vector<std::string>& out) {
  constexpr size_t kPatternsMax = 64;
  const json::Array& items = in.List(name, kPatternsMax);
  if (items.empty()) in.Add(name, "needs one entry or more");
  for (const Value& item : items) {
    const std::string& text = item.AsString();
    if (text.empty() || text.size() > rule.chars_max || !rule.fits(text)) {
      in.Add(name, "'" + text.substr(0, 100) + "' " + std::string(rule.text));
    } else if (std::find(out.begin(), out.end(), text) != out.end()) {
      in.Add(name, "'" + text + "' stands in it twice");
    }
    out.push_back(text);
  }
}

}  // namespace

Result<StreamUserSpec> StreamUserSpec::Parse(const Value& spec) {
  StreamUserSpec out;
  Problems problems;
  if (spec.is_null()) problems.Add("spec", "is needed; {} is a user who may do nothing");
  {
    FieldReader in(spec, "spec", problems);
    in.Text("secretName", out.secret_name, {.chars_max = 253});
    for (const Value& item : in.List("permissions", 32)) {
      const std::string path =
          in.Path("permissions") + "[" + std::to_string(out.permissions.size()) + "]";
      FieldReader entry(item, path, problems);
      Permission& permission = out.permissions.emplace_back();
      ReadPatterns(entry, "actions",
                   {64, IsAction, "is no operation such as kinesis:PutRecords or kinesis:Get*"},
                   permission.actions);
      ReadPatterns(entry, "streams",
                   {128, IsStreamPattern,
                    "may have letters, digits, '_', '.', '-' and '*' only, 128 at most"},
                   permission.streams);
    }
    in.Int("rotation", out.rotation, 0, 1'000'000);
    in.Int("previousKeySeconds", out.previous_key_seconds, 0, 31'536'000);
  }
  RETURN_IF_ERROR(problems.ToStatus());
  return out;
}

Status CheckStreamUserTransition(const StreamUserSpec& before, const StreamUserSpec& after) {
  Problems problems;
  if (before.secret_name != after.secret_name) {
    problems.Add("spec.secretName", "is immutable; make a new user");
  }
  if (after.rotation < before.rotation) problems.Add("spec.rotation", "only rises");
  return problems.ToStatus();
}

std::string SecretNameOf(const Resource& user) {
  const std::string& name = user.spec["secretName"].AsString();
  return name.empty() ? user.key.name + "-credentials" : name;
}

}  // namespace millrace::resources
