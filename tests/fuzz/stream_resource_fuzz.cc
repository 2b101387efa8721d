#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "common/resources/stream_resource.h"

// A resource file that people or clients wrote: what parses is the same when it is written and
// read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millrace;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto documents = json::ParseYaml(text, {.depth_max = 16, .tokens_max = 2000});
  if (!documents.ok()) return 0;
  for (const json::Value& document : *documents) {
    auto resource = resources::Resource::Parse(document);
    if (!resource.ok()) continue;
    auto again = resources::Resource::Parse(resource->ToValue());
    CHECK(again.ok() && again->ToValue() == resource->ToValue());
    auto spec = resources::StreamSpec::Parse(resource->spec);
    if (!spec.ok()) continue;
    auto same = resources::StreamSpec::Parse(spec->ToValue());
    CHECK(same.ok() && same->ToValue() == spec->ToValue());
    CHECK(resources::CheckStreamTransition(*spec, *same).ok());
  }
  return 0;
}
