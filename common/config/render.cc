#include <algorithm>
#include <sstream>

#include "common/config/setting.h"

namespace millrace::config {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kHelpColumn = 32;

// Appends `text` word by word, breaking lines before kColumns and indenting each to kHelpColumn.
void AppendWrapped(std::string& out, const std::string& text) {
  size_t column = kHelpColumn;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (column + 1 + word.size() > kColumns && column > kHelpColumn) {
      out += "\n" + std::string(kHelpColumn, ' ');
      column = kHelpColumn;
    } else if (column > kHelpColumn) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  out += '\n';
}

std::string Flags(const Setting& setting) {
  std::string out = setting.letter != 0 ? std::string("-") + setting.letter + ", " : "    ";
  out += "--" + setting.name;
  if (!setting.is_switch) out += " " + setting.placeholder;
  if (setting.is_list) out += " ...";
  return out;
}

std::string Explanation(const Setting& setting) {
  std::string facts;
  auto add = [&](const std::string& fact) { facts += (facts.empty() ? "" : "; ") + fact; };
  if (!setting.fallback.empty() && !(setting.is_switch && setting.fallback == "false")) {
    add("default " + setting.fallback);
  }
  if (!setting.range.empty()) add(setting.range);
  add(EnvironmentName(setting.name));
  return setting.help + " [" + facts + "]";
}

std::vector<std::string> SectionsOf(const std::deque<Setting>& settings) {
  std::vector<std::string> sections;
  for (const Setting& setting : settings) {
    if (std::find(sections.begin(), sections.end(), setting.section) == sections.end()) {
      sections.push_back(setting.section);
    }
  }
  return sections;
}

// "millrace apply" of "millrace apply -f FILE|DIR [FLAG]...".
std::string CommandOf(const std::string& usage) {
  std::string command;
  std::istringstream words(usage);
  for (std::string word; words >> word;) {
    const bool is_name =
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == word.npos && word[0] != '-';
    if (!is_name) break;
    command += (command.empty() ? "" : " ") + word;
  }
  return command;
}

std::string Cell(std::string text, bool code) {
  if (text.empty()) return "";
  for (size_t at = 0; (at = text.find('|', at)) != text.npos; at += 2) text.replace(at, 1, "\\|");
  return code ? "`" + text + "`" : text;
}

}  // namespace

std::string Settings::HelpText() const {
  std::string out = "Usage: " + usage_ + "\n\n" + description_ + "\n";
  for (const std::string& section : SectionsOf(settings_)) {
    out += "\n" + section + "\n";
    for (const Setting& setting : settings_) {
      if (setting.section != section) continue;
      std::string line = "  " + Flags(setting);
      if (line.size() + 2 > kHelpColumn) {
        line += "\n" + std::string(kHelpColumn, ' ');
      } else {
        line.resize(kHelpColumn, ' ');
      }
      out += line;
      AppendWrapped(out, Explanation(setting));
    }
  }
  return out;
}

std::string Settings::Markdown() const {
  std::string out = "## " + CommandOf(usage_) + "\n\n" + description_ + "\n";
  const std::vector<std::string> sections = SectionsOf(settings_);
  for (const std::string& section : sections) {
    if (sections.size() > 1) out += "\n### " + section + "\n";
    out += "\n| Flag | Environment | Value | Default | Bounds | Meaning |\n";
    out += "|---|---|---|---|---|---|\n";
    for (const Setting& setting : settings_) {
      if (setting.section != section) continue;
      std::string flag = "--" + setting.name;
      if (setting.letter != 0) flag += std::string(", -") + setting.letter;
      out += "| " + Cell(flag, true) + " | " + Cell(EnvironmentName(setting.name), true) + " | " +
             Cell(setting.is_switch ? "true|false" : setting.placeholder, false) + " | " +
             Cell(setting.fallback, true) + " | " + setting.range + " | " +
             Cell(setting.help, false) + " |\n";
    }
  }
  return out;
}

}  // namespace millrace::config
