// crds/deliverystream.yaml and its C++ twin say the same.
#include "common/delivery/delivery_stream_resource.h"
#include "tests/support/crd_twin.h"

namespace millrace::resources {
namespace {

TEST(DeliveryStreamTwin, AcceptsWhatItsCrdAccepts) {
  ExpectTwin<DeliveryStreamSpec>("deliverystream.yaml");
  ExpectDescribed("deliverystream.yaml");
}

// The defaults of `schema` at every depth, and of `there` alone where an object has no default.
void ExpectDefaults(const std::string& path, const Value& schema, const Value& filled) {
  for (const auto& [name, field] : schema["properties"].AsObject()) {
    if (!filled.Has(name)) continue;  // an absent object, or a field without a default
    const Value& value = filled[name];
    const Value& given = field["default"];
    if (!given.is_null() && !given.is_object()) {
      EXPECT_EQ(json::WriteJson(value), json::WriteJson(given)) << path << "." << name;
    }
    ExpectDefaults(path + "." + name, field, value);
  }
}

TEST(DeliveryStreamTwin, HasTheDefaultsOfItsCrd) {
  // Every member a default can stand in, made of C++ defaults alone.
  DeliveryStreamSpec spec;
  DeliveryDestination& to = spec.destination;
  to.s3.emplace().objects.dynamic_partitioning.emplace();
  to.s3->objects.data_format_conversion.emplace();
  to.folder.emplace();
  to.http_endpoint.emplace();
  to.open_search.emplace();
  to.splunk.emplace();
  to.redshift.emplace();
  to.postgresql.emplace();
  to.kafka.emplace();
  to.stream.emplace();
  spec.backup.s3.emplace();
  ExpectDefaults("spec", SpecSchema("deliverystream.yaml"), spec.ToValue());
}

}  // namespace
}  // namespace millrace::resources
