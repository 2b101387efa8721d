#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::cli {

struct Document {
  std::string source;  // "stream.yaml" or "stream.yaml, document 2"
  json::Value value;
};

// The documents of a YAML or JSON file, of every *.yaml, *.yml and *.json file of a folder, or of
// standard input ("-"). Empty documents are passed over. Errors name the file.
Result<std::vector<Document>> ReadDocuments(const std::string& path);

}  // namespace millrace::cli
