// The CRDs in crds/ and the C++ twins say the same: every field of a schema is known to its twin,
// with the same bounds, choices and defaults.
#include <gtest/gtest.h>

#include "common/resources/stream_pool_resource.h"
#include "common/resources/stream_resource.h"
#include "common/resources/stream_user_resource.h"
#include "common/resources/workload_resource.h"
#include "tests/support/crd_twin.h"

namespace millrace::resources {
namespace {

template <typename Spec>
void ExpectSameDefaults(const std::string& file) {
  const Value defaults = Defaults(SpecSchema(file));
  ASSERT_FALSE(defaults.is_null());
  auto filled = Spec::Parse(defaults);
  ASSERT_TRUE(filled.ok()) << filled.status().ToString();
  EXPECT_TRUE(*filled == *Spec::Parse(json::Object{})) << json::WriteJson(defaults);
}

TEST(CrdTwin, StreamAcceptsWhatItsCrdAccepts) {
  ExpectTwin<StreamSpec>("stream.yaml");
  const Value defaults = Defaults(SpecSchema("stream.yaml"));
  auto filled = StreamSpec::Parse(defaults);
  ASSERT_TRUE(filled.ok()) << filled.status().ToString();
  EXPECT_EQ(json::WriteJson(filled->ToValue()), "{}");
}

TEST(CrdTwin, StreamPoolAcceptsWhatItsCrdAccepts) {
  ExpectTwin<StreamPoolSpec>("streampool.yaml");
  ExpectSameDefaults<StreamPoolSpec>("streampool.yaml");
}

TEST(CrdTwin, StreamUserAcceptsWhatItsCrdAccepts) {
  ExpectTwin<StreamUserSpec>("streamuser.yaml");
  ExpectSameDefaults<StreamUserSpec>("streamuser.yaml");
}

TEST(CrdTwin, WorkloadAcceptsWhatItsCrdAccepts) { ExpectTwin<WorkloadSpec>("workload.yaml"); }

TEST(CrdTwin, EveryFieldIsDescribedAndTheWholeFitsAnAnnotation) {
  for (const char* file : {"stream.yaml", "streampool.yaml", "workload.yaml", "streamuser.yaml",
                           "shardmap.yaml", "shardmapslice.yaml"}) {
    ExpectDescribed(file);
  }
}

}  // namespace
}  // namespace millrace::resources
