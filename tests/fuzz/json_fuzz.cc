#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "common/json/value.h"

// What strict JSON parses, written again, compact or for people, is the same value.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace json = millrace::json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto value = json::ParseJson(text);
  if (!value.ok()) return 0;
  auto compact = json::ParseJson(json::WriteJson(*value));
  CHECK(compact.ok() && *compact == *value);
  auto pretty = json::ParseJson(json::WriteJsonPretty(*value));
  CHECK(pretty.ok() && *pretty == *value);
  return 0;
}
