#include "cli/documents.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

namespace millrace::cli {
namespace {

namespace fs = std::filesystem;

Status ReadOne(const std::string& source, std::istream& in, std::vector<Document>& out) {
  std::string text{std::istreambuf_iterator<char>(in), {}};
  Result<std::vector<json::Value>> documents = json::ParseYaml(text);
  if (!documents.ok()) return documents.status().WithContext(source);
  size_t number = 0;
  for (json::Value& value : *documents) {
    ++number;
    if (value.is_null()) continue;
    std::string name =
        documents->size() > 1 ? source + ", document " + std::to_string(number) : source;
    out.push_back({name, std::move(value)});
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<Document>> ReadDocuments(const std::string& path) {
  std::vector<Document> out;
  if (path == "-") {
    RETURN_IF_ERROR(ReadOne("standard input", std::cin, out));
    return out;
  }
  std::error_code error;
  std::vector<std::string> files;
  if (fs::is_directory(path, error)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
      std::string extension = entry.path().extension();
      if (extension == ".yaml" || extension == ".yml" || extension == ".json")
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) return NotFound(path + ": no *.yaml, *.yml or *.json file in this folder");
  } else {
    files.push_back(path);
  }
  for (const std::string& file : files) {
    std::ifstream in(file);
    if (!in) return NotFound(file + ": no such file, or it cannot be read");
    RETURN_IF_ERROR(ReadOne(file, in, out));
  }
  return out;
}

}  // namespace millrace::cli
