#include "common/resources/conditions.h"

#include <algorithm>

#include "common/resources/resource.h"

namespace millrace::resources {
namespace {

json::Value& FindOrAdd(json::Value& status, std::string_view type) {
  json::Array& conditions = status["conditions"].MutableArray();
  auto it = std::find_if(conditions.begin(), conditions.end(),
                         [&](const json::Value& c) { return c["type"].AsString() == type; });
  if (it != conditions.end()) return *it;
  json::Value& added = conditions.emplace_back();
  added.Set("type", type);
  return added;
}

}  // namespace

bool SetCondition(json::Value& status, std::string_view type, bool value, std::string_view reason,
                  std::string_view message, int64_t observed_generation, WallMs now) {
  // What is no object or list there is nothing to keep of.
  if (!status.is_object()) status = json::Object{};
  if (!status["conditions"].is_array()) status.Set("conditions", json::Array{});
  json::Value& condition = FindOrAdd(status, type);
  const json::Value before = condition;
  const std::string_view word = value ? "True" : "False";
  const bool turned = condition["status"].AsString() != word;
  condition.Set("status", word);
  condition.Set("reason", reason);
  condition.Set("message", message);
  if (turned || !condition.Has("lastTransitionTime"))
    condition.Set("lastTransitionTime", FormatTime(now));
  condition.Set("observedGeneration", observed_generation);
  return !(condition == before);
}

const json::Value& FindCondition(const json::Value& status, std::string_view type) {
  static const auto* const none = new json::Value();
  for (const json::Value& condition : status["conditions"].AsArray()) {
    if (condition["type"].AsString() == type) return condition;
  }
  return *none;
}

}  // namespace millrace::resources
