#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/base/nearest_name.h"
#include "common/config/setting.h"

namespace millrace::config {

// What is left of the command line.
struct Settings::Cursor {
  const std::vector<std::string>& arguments;
  size_t next = 0;
};

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return value;
}

std::string EnvironmentName(std::string_view setting) {
  std::string name = "MILLRACE_";
  for (char c : setting)
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
  return name;
}

Settings::Settings(std::string usage, std::string description)
    : usage_(std::move(usage)), description_(std::move(description)) {
  config_path_ = &String("config", "", "A YAML file of settings by these names.", "FILE");
}

Setting* Settings::FindByName(std::string_view name) {
  auto it = std::find_if(settings_.begin(), settings_.end(),
                         [&](const Setting& s) { return s.name == name; });
  return it == settings_.end() ? nullptr : &*it;
}

Setting* Settings::FindByLetter(char letter) {
  auto it = std::find_if(settings_.begin(), settings_.end(),
                         [&](const Setting& s) { return s.letter == letter; });
  return it == settings_.end() ? nullptr : &*it;
}

bool Settings::IsSet(std::string_view name) const {
  return std::any_of(settings_.begin(), settings_.end(),
                     [&](const Setting& s) { return s.name == name && s.is_set; });
}

Status Settings::UnknownName(std::string_view source, std::string_view name) const {
  std::vector<std::string> names = {"help"};
  for (const Setting& setting : settings_) names.push_back(setting.name);
  return InvalidArgument(std::string(source) + ": there is no setting '" + std::string(name) + "'" +
                         SuggestName(name, names));
}

Status Settings::Parse(const std::vector<std::string>& arguments, const Environment& environment) {
  RETURN_IF_ERROR(ParseArguments(arguments));
  if (help_wanted_) return OkStatus();
  RETURN_IF_ERROR(ParseEnvironment(environment));
  return config_path_->empty() ? OkStatus() : ParseFile(*config_path_);
}

Status Settings::ParseArguments(const std::vector<std::string>& arguments) {
  Cursor cursor{arguments};
  while (cursor.next < arguments.size()) {
    const std::string& argument = arguments[cursor.next++];
    if (argument == "--") {
      positional_.insert(positional_.end(), arguments.begin() + static_cast<ptrdiff_t>(cursor.next),
                         arguments.end());
      return OkStatus();
    }
    if (argument.starts_with("--")) {
      RETURN_IF_ERROR(TakeLong(argument, cursor));
    } else if (argument.size() > 1 && argument[0] == '-') {
      RETURN_IF_ERROR(TakeShort(argument, cursor));
    } else {
      positional_.push_back(argument);
    }
  }
  return OkStatus();
}

Status Settings::TakeLong(std::string_view flag, Cursor& cursor) {
  std::string_view name = flag.substr(2);
  std::optional<std::string_view> value;
  if (size_t equals = name.find('='); equals != name.npos) {
    value = name.substr(equals + 1);
    name = name.substr(0, equals);
  }
  const std::string shown = "--" + std::string(name);
  if (Setting* setting = FindByName(name)) return TakeValue(*setting, shown, value, cursor);
  if (name == "help") {
    help_wanted_ = true;
    markdown_wanted_ = value == "markdown";
    return OkStatus();
  }
  if (name.starts_with("no-")) {
    Setting* setting = FindByName(name.substr(3));
    if (setting != nullptr && setting->is_switch && !value)
      return TakeValue(*setting, shown, "false", cursor);
  }
  return UnknownName(shown, name);
}

Status Settings::TakeShort(std::string_view flag, Cursor& cursor) {
  if (Setting* setting = FindByLetter(flag[1])) {
    std::optional<std::string_view> value;
    if (flag.size() > 2) value = flag.substr(flag[2] == '=' ? 3 : 2);
    return TakeValue(*setting, flag.substr(0, 2), value, cursor);
  }
  if (flag == "-h") {
    help_wanted_ = true;
    return OkStatus();
  }
  return UnknownName(flag, flag.substr(1));
}

Status Settings::TakeValue(Setting& setting, std::string_view flag,
                           std::optional<std::string_view> value, Cursor& cursor) {
  if (!value && setting.is_switch) value = "true";
  if (!value) {
    const bool more = cursor.next < cursor.arguments.size();
    if (!more || cursor.arguments[cursor.next].starts_with("--")) {
      return InvalidArgument(std::string(flag) + " needs a value (" + setting.placeholder + ")");
    }
    value = cursor.arguments[cursor.next++];
  }
  setting.is_set = true;
  return setting.assign(*value).WithContext(flag);
}

Status Settings::ParseEnvironment(const Environment& environment) {
  for (Setting& setting : settings_) {
    if (setting.is_set) continue;
    const std::string name = EnvironmentName(setting.name);
    const std::optional<std::string> value = environment(name);
    if (!value) continue;
    setting.is_set = true;
    if (!setting.is_list) {
      RETURN_IF_ERROR(setting.assign(*value).WithContext("environment variable " + name));
      continue;
    }
    std::istringstream parts(*value);
    for (std::string part; std::getline(parts, part, ',');) {
      if (!part.empty())
        RETURN_IF_ERROR(setting.assign(part).WithContext("environment variable " + name));
    }
  }
  return OkStatus();
}

Status Settings::ParseFile(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.fail()) return InvalidArgument("cannot read the settings file " + path);
  auto documents = json::ParseYaml(text);
  if (!documents.ok()) return documents.status().WithContext(path);
  if (documents->empty()) return OkStatus();
  if (documents->size() > 1 || !documents->front().is_object()) {
    return InvalidArgument(path + ": must be one mapping of setting names to values");
  }
  for (const auto& [name, value] : documents->front().AsObject()) {
    Setting* setting = FindByName(name);
    if (setting == nullptr) return UnknownName(path, name);
    if (setting->is_set) continue;
    setting->is_set = true;
    const json::Array items =
        value.is_array() && setting->is_list ? value.AsArray() : json::Array{value};
    for (const json::Value& item : items) {
      if (item.is_array() || item.is_object() || item.is_null()) {
        return InvalidArgument(path + ": " + name + " must be a plain value");
      }
      const std::string plain = item.is_string() ? item.AsString() : json::WriteJson(item);
      RETURN_IF_ERROR(setting->assign(plain).WithContext(path + ": " + name));
    }
  }
  return OkStatus();
}

void Settings::ParseOrExit(int argc, char** argv) {
  ParseOrExit(std::vector<std::string>(argv + 1, argv + argc));
}

void Settings::ParseOrExit(const std::vector<std::string>& arguments) {
  const Status status = Parse(arguments);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n(--help shows what there is)\n", status.message().c_str());
    std::exit(2);
  }
  if (help_wanted_) {
    std::fputs((markdown_wanted_ ? Markdown() : HelpText()).c_str(), stdout);
    std::exit(0);
  }
}

}  // namespace millrace::config
