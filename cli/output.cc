#include "cli/output.h"

#include <algorithm>
#include <cstdio>

#include "common/base/clock.h"
#include "common/resources/resource.h"

namespace millrace::cli {

const std::string& OutputFlag(config::Settings& settings) {
  const std::string& output =
      settings.Choice("output", "table", {"table", "json", "yaml"}, "How to print the answer.");
  settings.Letter("output", 'o');
  return output;
}

std::string RenderTable(const std::vector<std::string>& headings,
                        const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::string& heading : headings) widths.push_back(heading.size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  auto add = [&](const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out += std::string(widths[i] - cells[i].size() + 2, ' ');
    }
    out += '\n';
  };
  add(headings);
  for (const auto& row : rows) add(row);
  return out;
}

void PrintDocument(const json::Value& document, const std::string& format) {
  std::string text = format == "yaml" ? json::WriteYaml(document) : json::WriteJsonPretty(document);
  if (text.empty() || text.back() != '\n') text += '\n';
  std::fputs(text.c_str(), stdout);
}

std::string AgeOf(const std::string& rfc3339) {
  std::optional<int64_t> then = resources::ParseTime(rfc3339);
  if (!then) return "";
  int64_t seconds = std::max<int64_t>((SystemClock().WallNow() - *then) / 1000, 0);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

std::string HumanBytes(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text;
}

std::string WithThousands(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

}  // namespace millrace::cli
