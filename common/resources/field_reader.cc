#include "common/resources/field_reader.h"

#include <algorithm>

#include "common/base/nearest_name.h"
#include "common/base/quantity.h"

namespace millrace::resources {
namespace {

constexpr size_t kQuantityCharsMax = 20;

std::string_view TypeName(const json::Value& value) {
  if (value.is_object()) return "a mapping";
  if (value.is_array()) return "a list";
  if (value.is_string()) return "text";
  if (value.is_bool()) return "a truth value";
  return value.is_number() ? "a number" : "nothing";
}

// As Kubernetes counts: code points, not bytes.
size_t CountChars(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

bool IsStreamName(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  });
}

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

void Problems::Add(std::string_view path, std::string_view what) {
  constexpr size_t kTextMax = 4096;  // a hostile document must not become a message of its size
  if (text_.size() > kTextMax) return;
  if (!text_.empty()) text_ += "; ";
  text_.append(path).append(": ").append(what);
}

Status Problems::ToStatus() const { return empty() ? OkStatus() : InvalidArgument(text_); }

FieldReader::FieldReader(const json::Value& object, std::string path, Problems& problems)
    : object_(object), path_(std::move(path)), problems_(problems) {
  if (!object.is_null() && !object.is_object()) {
    problems_.Add(path_, "must be a mapping, not " + std::string(TypeName(object)));
  }
}

FieldReader::~FieldReader() {
  for (const json::Member& member : object_.AsObject()) {
    if (std::find(known_.begin(), known_.end(), member.first) != known_.end()) continue;
    problems_.Add(Path(member.first.substr(0, 100)),
                  "unknown field" + SuggestName(member.first, known_));
  }
}

const json::Value& FieldReader::Take(std::string_view name) {
  known_.emplace_back(name);
  return object_[name];
}

bool FieldReader::CheckText(std::string_view path, const json::Value& value, const TextRule& rule) {
  if (!value.is_string()) {
    std::string hint = value.is_number() || value.is_bool() ? "; put it in quotes" : "";
    problems_.Add(path, "must be text, not " + std::string(TypeName(value)) + hint);
    return false;
  }
  const std::string& text = value.AsString();
  const size_t chars = CountChars(text);
  if (chars < rule.chars_min || chars > rule.chars_max) {
    problems_.Add(path, "must have " + std::to_string(rule.chars_min) + " to " +
                            std::to_string(rule.chars_max) + " characters, not " +
                            std::to_string(chars));
    return false;
  }
  if (rule.is_stream_name && !IsStreamName(text)) {
    problems_.Add(path, "may have letters, digits, '_', '.' and '-' only");
    return false;
  }
  if (rule.is_json) {
    auto parsed = json::ParseJson(text);
    if (!parsed.ok() || !parsed->is_object()) {
      problems_.Add(path, "must be an object in JSON text");
      return false;
    }
  }
  return true;
}

void FieldReader::Text(std::string_view name, std::string& target, const TextRule& rule) {
  const json::Value& value = Take(name);
  if (!value.is_null() && CheckText(Path(name), value, rule)) target = value.AsString();
}

void FieldReader::RequiredText(std::string_view name, std::string& target, const TextRule& rule) {
  if (!Has(name) && object_.is_object()) Add(name, "is needed");
  Text(name, target, rule);
}

void FieldReader::OneOf(std::string_view name, std::string& target,
                        const std::vector<std::string>& choices) {
  const json::Value& value = Take(name);
  if (value.is_null()) return;
  if (value.is_string() &&
      std::find(choices.begin(), choices.end(), value.AsString()) != choices.end()) {
    target = value.AsString();
    return;
  }
  const std::string given = value.is_string() ? "'" + value.AsString().substr(0, 100) + "'"
                                              : std::string(TypeName(value));
  Add(name, given + " is none of " + Join(choices));
}

void FieldReader::Int(std::string_view name, int32_t& target, int32_t min, int32_t max) {
  std::optional<int32_t> value;
  Int(name, value, min, max);
  if (value) target = *value;
}

void FieldReader::Int(std::string_view name, std::optional<int32_t>& target, int32_t min,
                      int32_t max) {
  std::optional<int64_t> value;
  Int(name, value, min, max);
  if (value) target = static_cast<int32_t>(*value);
}

void FieldReader::Int(std::string_view name, std::optional<int64_t>& target, int64_t min,
                      int64_t max) {
  const json::Value& value = Take(name);
  if (value.is_null()) return;
  if (!value.is_int()) {
    std::string hint = value.is_string() ? "; leave out the quotes" : "";
    return Add(name, "must be a whole number, not " + std::string(TypeName(value)) + hint);
  }
  const int64_t number = value.AsInt();
  if (number < min)
    return Add(name, std::to_string(number) + " is below the minimum " + std::to_string(min));
  if (number > max)
    return Add(name, std::to_string(number) + " is above the maximum " + std::to_string(max));
  target = number;
}

void FieldReader::Quantity(std::string_view name, std::string& target) {
  std::string text = target;
  Text(name, text, {.chars_max = kQuantityCharsMax});
  if (text == target) return;
  if (!ParseQuantity(text)) return Add(name, "must be a quantity such as 10Gi");
  target = text;
}

void FieldReader::RequiredQuantity(std::string_view name, std::string& target) {
  if (!Has(name) && object_.is_object()) Add(name, "is needed");
  Quantity(name, target);
}

void FieldReader::PodQuantity(std::string_view name, std::string& target, bool is_cpu) {
  const json::Value& value = Take(name);
  if (value.is_null()) return;
  const std::string text = value.is_int() ? std::to_string(value.AsInt()) : value.AsString();
  const bool good = text.size() <= kQuantityCharsMax &&
                    (is_cpu ? ParseMilli(text) : ParseQuantity(text)).has_value();
  if (!good)
    return Add(
        name, is_cpu ? "must be processors such as 2 or 500m" : "must be a quantity such as 512Mi");
  target = text;
}

void FieldReader::Map(std::string_view name, std::map<std::string, std::string>& target,
                      size_t entries_max, const TextRule& rule) {
  const json::Value& value = Object(name);
  if (value.AsObject().size() > entries_max) {
    return Add(name, "has " + std::to_string(value.AsObject().size()) + " entries; at most " +
                         std::to_string(entries_max) + " are allowed");
  }
  for (const auto& [key, text] : value.AsObject()) {
    constexpr size_t kKeyCharsMax = 128;
    if (key.empty() || CountChars(key) > kKeyCharsMax) {
      Add(name, "names must have 1 to 128 characters");
    } else if (CheckText(Path(name) + "." + key, text, rule)) {
      target[key] = text.AsString();
    }
  }
}

const json::Array& FieldReader::List(std::string_view name, size_t items_max) {
  static const auto* const none = new json::Array();
  const json::Value& value = Take(name);
  if (!value.is_null() && !value.is_array()) {
    Add(name, "must be a list, not " + std::string(TypeName(value)));
  } else if (value.AsArray().size() > items_max) {
    Add(name, "has " + std::to_string(value.AsArray().size()) + " items; at most " +
                  std::to_string(items_max) + " are allowed");
    return *none;
  }
  return value.AsArray();
}

const json::Value& FieldReader::Object(std::string_view name) {
  static const auto* const none = new json::Value();
  const json::Value& value = Take(name);
  if (value.is_null() || value.is_object()) return value;
  Add(name, "must be a mapping, not " + std::string(TypeName(value)));
  return *none;
}

}  // namespace millrace::resources
