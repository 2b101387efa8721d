#include "common/aws/validation.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "common/aws/input_types.h"
#include "common/base/check.h"

namespace millrace::aws {

namespace {

// AWS stops looking after this many.
constexpr size_t kErrorsMax = 10;

// The compiled form of a pattern of some shape. Patterns come from our own tables, so there are
// few; they are compiled at first use and live as long as the process. RE2 takes time linear in the
// text.
const RE2& Compiled(std::string_view pattern) {
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  static std::shared_mutex mu;
  static auto& compiled =
      *new std::unordered_map<std::string, std::unique_ptr<RE2>, Hash, std::equal_to<>>;
  {
    std::shared_lock lock(mu);
    auto found = compiled.find(pattern);
    if (found != compiled.end()) return *found->second;
  }
  std::unique_lock lock(mu);
  auto& slot = compiled[std::string(pattern)];
  if (slot == nullptr) {
    slot = std::make_unique<RE2>(re2::StringPiece(pattern.data(), pattern.size()), RE2::Quiet);
    CHECK(slot->ok());
  }
  return *slot;
}

bool MatchesPattern(std::string_view pattern, std::string_view text) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), Compiled(pattern));
}

// Unicode characters, which is what AWS counts.
int64_t CharCount(std::string_view text) {
  return std::ranges::count_if(text,
                               [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; });
}

bool IsNumber(const Member& member) {
  return member.type == Type::kInteger || member.type == Type::kLong;
}
bool IsNested(const Member& member) {
  return member.type == Type::kStructure || member.type == Type::kList || member.type == Type::kMap;
}

// What min and max bound.
int64_t Measure(const Member& member, const json::Value& value) {
  if (IsNumber(member)) return value.AsInt();
  if (value.is_string()) return CharCount(value.AsString());
  if (value.is_blob()) return static_cast<int64_t>(value.AsBlob().size());
  return static_cast<int64_t>(value.is_array() ? value.AsArray().size() : value.AsObject().size());
}

std::string LowerFirst(std::string_view name) {
  std::string text(name);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

// One value as AWS's messages show it, which is as Java prints it.
std::string Shown(const json::Value& value) {
  if (value.is_string()) return value.AsString();
  if (value.is_int()) return std::to_string(value.AsInt());
  if (value.is_bool()) return value.AsBool() ? "true" : "false";
  if (value.is_null()) return "null";
  if (value.is_blob()) {
    std::string size = std::to_string(value.AsBlob().size());
    return "java.nio.HeapByteBuffer[pos=0 lim=" + size + " cap=" + size + "]";
  }
  std::string text;
  for (const json::Value& element : value.AsArray()) {
    text += (text.empty() ? "" : ", ") + (element.is_object() ? "{...}" : Shown(element));
  }
  if (value.is_array()) return "[" + text + "]";
  for (const auto& [name, element] : value.AsObject()) {
    text += (text.empty() ? "" : ", ") + name + "=" + Shown(element);
  }
  return "{" + text + "}";
}

std::string MinText(const Member& member) {
  return std::string("Member must have ") + (IsNumber(member) ? "value" : "length") +
         " greater than or equal to " + std::to_string(*member.min);
}
std::string MaxText(const Member& member) {
  return std::string("Member must have ") + (IsNumber(member) ? "value" : "length") +
         " less than or equal to " + std::to_string(*member.max);
}
std::string PatternText(const Member& member) {
  return "Member must satisfy regular expression pattern: " + std::string(member.pattern);
}
std::string EnumText(const Member& member) {
  std::string text = "Member must satisfy enum value set: [";
  for (size_t i = 0; i < member.one_of.size(); ++i) {
    text.append(i == 0 ? "" : ", ").append(member.one_of[i]);
  }
  return text + "]";
}

bool HasPattern(const Member& member, const json::Value& value) {
  return member.pattern.empty() || MatchesPattern(member.pattern, value.AsString());
}
bool IsOneOf(const Member& member, const json::Value& value) {
  return member.one_of.empty() ||
         std::ranges::find(member.one_of, value.AsString()) != member.one_of.end();
}
bool IsLongEnough(const Member& member, const json::Value& value) {
  return !member.min || Measure(member, value) >= *member.min;
}
bool IsShortEnough(const Member& member, const json::Value& value) {
  return !member.max || Measure(member, value) <= *member.max;
}
bool Holds(const Member& member, const json::Value& value) {
  return !value.is_null() && IsShortEnough(member, value) && IsLongEnough(member, value) &&
         HasPattern(member, value) && IsOneOf(member, value);
}

// Everything a plain element of a list or map has to hold, as AWS lists it.
std::string AllConstraints(const Member& element) {
  std::string text;
  auto add = [&](const std::string& constraint) {
    text += (text.empty() ? "" : ", ") + constraint;
  };
  if (element.max) add(MaxText(element));
  if (element.min) add(MinText(element));
  if (!element.pattern.empty()) add(PatternText(element));
  if (!element.one_of.empty()) add(EnumText(element));
  if (text.empty()) add("Member must not be null");
  return "[" + text + "]";
}

// Walks a shape beside an input whose types are right and collects what does not hold.
class Checker {
 public:
  void CheckStructure(const Shape& shape, const json::Value& structure, const std::string& prefix) {
    for (const Member& member : shape) {
      if (errors_.size() >= kErrorsMax) return;
      const json::Value* value = structure.Find(member.name);
      if (value != nullptr) {
        CheckMember(member, *value, prefix);
      } else if (member.required) {
        Fail(prefix + LowerFirst(member.name), json::Value(), "Member must not be null");
      }
    }
  }

  std::optional<ErrorShape> Outcome() const {
    if (errors_.empty()) return std::nullopt;
    std::string message = std::to_string(errors_.size()) + " validation error" +
                          (errors_.size() > 1 ? "s" : "") + " detected: ";
    for (size_t i = 0; i < errors_.size(); ++i) message += (i == 0 ? "" : "; ") + errors_[i];
    return NamedError(400, "ValidationException", std::move(message));
  }

 private:
  void CheckMember(const Member& member, const json::Value& value, const std::string& prefix) {
    if (member.type == Type::kStructure) {
      CheckStructure(member.members, value, prefix + LowerFirst(member.name) + ".");
      return;
    }
    bool plain = Holds(member, value);
    if (plain && member.type != Type::kList && member.type != Type::kMap) return;
    std::string path = prefix + LowerFirst(member.name);
    if (!plain) FailPlain(member, value, path);
    if (member.type == Type::kList) CheckElements(member.members.at(0), value, path);
    if (member.type == Type::kMap) CheckEntries(member, value, path);
  }

  void FailPlain(const Member& member, const json::Value& value, const std::string& path) {
    if (!HasPattern(member, value)) Fail(path, value, PatternText(member));
    if (!IsOneOf(member, value)) Fail(path, value, EnumText(member));
    if (!IsLongEnough(member, value)) Fail(path, value, MinText(member));
    if (!IsShortEnough(member, value)) Fail(path, value, MaxText(member));
  }

  void CheckElements(const Member& element, const json::Value& list, const std::string& path) {
    const json::Array& array = list.AsArray();
    if (!IsNested(element)) {
      if (std::ranges::all_of(array, [&](const json::Value& v) { return Holds(element, v); }))
        return;
      Fail(path, list, "Member must satisfy constraint: " + AllConstraints(element));
      return;
    }
    for (size_t i = 0; i < array.size() && errors_.size() < kErrorsMax; ++i) {
      std::string member_path = path + "." + std::to_string(i + 1) + ".member";
      if (array[i].is_null()) {
        Fail(member_path, json::Value(), "Member must not be null");
      } else if (element.type == Type::kStructure) {
        CheckStructure(element.members, array[i], member_path + ".");
      }
    }
  }

  void CheckEntries(const Member& map, const json::Value& value, const std::string& path) {
    const Member& key = map.members.at(0);
    const Member& element = map.members.at(1);
    bool keys = true;
    bool values = true;
    for (const auto& [name, entry] : value.AsObject()) {
      keys = keys && Holds(key, json::Value(name));
      values = values && Holds(element, entry);
    }
    if (!keys) Fail(path, value, "Map keys must satisfy constraint: " + AllConstraints(key));
    if (!values) Fail(path, value, "Map value must satisfy constraint: " + AllConstraints(element));
  }

  void Fail(const std::string& path, const json::Value& value, const std::string& constraint) {
    if (errors_.size() >= kErrorsMax) return;
    std::string shown = value.is_null() ? "null" : "'" + Echo(Shown(value)) + "'";
    errors_.push_back("Value " + shown + " at '" + path +
                      "' failed to satisfy constraint: " + constraint);
  }

  std::vector<std::string> errors_;
};

}  // namespace

std::optional<ErrorShape> ValidateInput(const Shape& shape, Protocol protocol, json::Value& input) {
  if (auto message = CoerceTypes(shape, protocol, input)) {
    return NamedError(400, "SerializationException", *std::move(message));
  }
  Checker checker;
  checker.CheckStructure(shape, input, "");
  return checker.Outcome();
}

}  // namespace millrace::aws
