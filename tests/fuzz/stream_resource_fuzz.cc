#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/base/check.h"
#include "common/base/quantity.h"
#include "common/resources/stream_pool_resource.h"
#include "common/resources/stream_resource.h"
#include "common/resources/stream_user_resource.h"

namespace {

using namespace millrace;

// The same spec as one of the other kinds.
void ParseAsOthers(const json::Value& spec) {
  if (auto pool = resources::StreamPoolSpec::Parse(spec); pool.ok()) {
    // What was let through can be counted with.
    CHECK(ParseQuantity(pool->storage_size).has_value());
    CHECK(resources::CheckStreamPoolTransition(*pool, *pool, "").ok());
  }
  if (auto workload = resources::WorkloadSpec::Parse(spec); workload.ok()) {
    auto same = resources::WorkloadSpec::Parse(workload->ToValue());
    CHECK(same.ok() && *same == *workload);
  }
  if (auto user = resources::StreamUserSpec::Parse(spec); user.ok()) {
    CHECK(resources::CheckStreamUserTransition(*user, *user).ok());
  }
}

}  // namespace

// A resource file that people or clients wrote: what parses is the same when it is written and
// read.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto documents = json::ParseYaml(text, {.depth_max = 16, .tokens_max = 2000});
  if (!documents.ok()) return 0;
  for (const json::Value& document : *documents) {
    auto resource = resources::Resource::Parse(document);
    if (!resource.ok()) continue;
    auto again = resources::Resource::Parse(resource->ToValue());
    CHECK(again.ok() && again->ToValue() == resource->ToValue());
    ParseAsOthers(resource->spec);
    auto spec = resources::StreamSpec::Parse(resource->spec);
    if (!spec.ok()) continue;
    auto same = resources::StreamSpec::Parse(spec->ToValue());
    CHECK(same.ok() && same->ToValue() == spec->ToValue());
    CHECK(resources::CheckStreamTransition(*spec, *same).ok());
  }
  return 0;
}
