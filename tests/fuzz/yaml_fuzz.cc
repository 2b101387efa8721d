#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "common/json/value.h"

// Whatever YAML holds, each of its documents written as YAML and as JSON is the same value again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace json = millrace::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto documents = json::ParseYaml(text, {.depth_max = 16, .tokens_max = 2000});
  if (!documents.ok()) return 0;
  for (const json::Value& document : *documents) {
    auto yaml = json::ParseYaml(json::WriteYaml(document));
    CHECK(yaml.ok() && yaml->size() == 1 && yaml->front() == document);
    auto again = json::ParseJson(json::WriteJson(document));
    CHECK(again.ok() && *again == document);
  }
  return 0;
}
