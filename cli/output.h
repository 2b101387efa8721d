#pragma once

#include <string>
#include <vector>

#include "common/config/setting.h"
#include "common/json/value.h"

namespace millrace::cli {

// -o table|json|yaml
const std::string& OutputFlag(config::Settings& settings);

// Rows under headings, columns as wide as their widest cell, two spaces between.
std::string RenderTable(const std::vector<std::string>& headings,
                        const std::vector<std::vector<std::string>>& rows);
// Prints a document as JSON or YAML.
void PrintDocument(const json::Value& document, const std::string& format);
// "3d", "5h", "12m", "40s" since an RFC 3339 time; "" where it is none.
std::string AgeOf(const std::string& rfc3339);
// "1.5 MiB"
std::string HumanBytes(double bytes);
// "12,345"
std::string WithThousands(uint64_t number);

}  // namespace millrace::cli
