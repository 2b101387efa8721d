#include <algorithm>

#include "common/base/check.h"
#include "common/config/setting.h"

namespace millrace::config {
namespace {

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

// Checks a parsed value against its bounds and stores it; `text` renders a bound.
template <typename T, typename Render>
Status AssignWithin(Result<T> value, const Bounds<T>& bounds, T& target, Render text) {
  if (!value.ok()) return value.status();
  if (*value < bounds.min)
    return InvalidArgument(text(*value) + " is below the least allowed, " + text(bounds.min));
  if (*value > bounds.max)
    return InvalidArgument(text(*value) + " is above the most allowed, " + text(bounds.max));
  target = *value;
  return OkStatus();
}

std::string IntText(int64_t value) { return std::to_string(value); }

}  // namespace

Setting& Settings::Declare(std::string_view name, std::string_view help) {
  CHECK(!name.empty() &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos);
  CHECK(FindByName(name) == nullptr);
  Setting& setting = settings_.emplace_back();
  setting.name = name;
  setting.help = help;
  setting.section = section_;
  return setting;
}

const std::string& Settings::String(std::string_view name, std::string_view fallback,
                                    std::string_view help, std::string_view placeholder) {
  std::string& value = strings_.emplace_back(fallback);
  Setting& setting = Declare(name, help);
  setting.placeholder = placeholder;
  setting.fallback = fallback;
  setting.assign = [&value](std::string_view text) {
    value = text;
    return OkStatus();
  };
  return value;
}

const std::string& Settings::Choice(std::string_view name, std::string_view fallback,
                                    const std::vector<std::string>& choices,
                                    std::string_view help) {
  std::string& value = strings_.emplace_back(fallback);
  CHECK(std::find(choices.begin(), choices.end(), fallback) != choices.end());
  Setting& setting = Declare(name, help);
  setting.placeholder = Join(choices, "|");
  setting.fallback = fallback;
  setting.assign = [&value, choices](std::string_view text) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
      return InvalidArgument("'" + std::string(text) + "' is none of " + Join(choices, ", "));
    }
    value = text;
    return OkStatus();
  };
  return value;
}

const int64_t& Settings::Int(std::string_view name, int64_t fallback, Bounds<int64_t> bounds,
                             std::string_view help, std::string_view unit) {
  CHECK(fallback >= bounds.min && fallback <= bounds.max);
  int64_t& value = ints_.emplace_back(fallback);
  Setting& setting = Declare(name, help);
  setting.placeholder = unit;
  setting.fallback = IntText(fallback);
  setting.range = IntText(bounds.min) + " to " + IntText(bounds.max);
  setting.assign = [&value, bounds](std::string_view text) {
    return AssignWithin(ParseInt(text), bounds, value, IntText);
  };
  return value;
}

const uint64_t& Settings::Size(std::string_view name, uint64_t fallback, Bounds<uint64_t> bounds,
                               std::string_view help) {
  CHECK(fallback >= bounds.min && fallback <= bounds.max);
  uint64_t& value = sizes_.emplace_back(fallback);
  Setting& setting = Declare(name, help);
  setting.placeholder = "SIZE";
  setting.fallback = SizeText(fallback);
  setting.range = SizeText(bounds.min) + " to " + SizeText(bounds.max);
  setting.assign = [&value, bounds](std::string_view text) {
    return AssignWithin(ParseSize(text), bounds, value, SizeText);
  };
  return value;
}

const bool& Settings::Bool(std::string_view name, bool fallback, std::string_view help) {
  CHECK(!name.starts_with("no-"));
  bool& value = bools_.emplace_back(fallback);
  Setting& setting = Declare(name, help);
  setting.is_switch = true;
  setting.fallback = fallback ? "true" : "false";
  setting.assign = [&value](std::string_view text) -> Status {
    ASSIGN_OR_RETURN(value, ParseBool(text));
    return OkStatus();
  };
  return value;
}

const std::vector<std::string>& Settings::List(std::string_view name, std::string_view help,
                                               std::string_view placeholder) {
  std::vector<std::string>& value = lists_.emplace_back();
  Setting& setting = Declare(name, help);
  setting.is_list = true;
  setting.placeholder = placeholder;
  setting.assign = [&value](std::string_view text) {
    value.emplace_back(text);
    return OkStatus();
  };
  return value;
}

void Settings::Letter(std::string_view name, char letter) {
  Setting* setting = FindByName(name);
  CHECK(setting != nullptr && FindByLetter(letter) == nullptr);
  setting->letter = letter;
}

}  // namespace millrace::config
