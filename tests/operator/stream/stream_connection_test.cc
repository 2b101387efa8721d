#include "operator/stream/stream_connection.h"

#include <gtest/gtest.h>

namespace millrace::op {
namespace {

TEST(StreamConnection, SaysWhatAClientNeedsAndBelongsToTheStream) {
  resources::Resource stream;
  stream.kind = resources::kStreamKind;
  stream.key = {"shop", "orders"};
  stream.uid = "u-1";
  resources::StreamSpec spec;
  StreamSettings settings;
  settings.endpoint = "http://millrace-streams.millrace.svc";
  EXPECT_FALSE(StreamConnection(settings, stream, spec));
  spec.connection_config_map = "orders-stream";
  EXPECT_FALSE(StreamConnection(settings, stream, spec)) << "there is no ARN yet";
  stream.status.Set("streamARN", "arn:aws:kinesis:us-east-1:000000000000:stream/orders");
  std::optional<json::Value> map = StreamConnection(settings, stream, spec);
  ASSERT_TRUE(map);
  EXPECT_EQ(map->At("metadata", "name").AsString(), "orders-stream");
  EXPECT_EQ(map->At("metadata", "namespace").AsString(), "shop");
  EXPECT_EQ((*map)["metadata"]["ownerReferences"].AsArray().at(0)["uid"].AsString(), "u-1");
  EXPECT_EQ(map->At("data", "STREAM_NAME").AsString(), "orders");
  EXPECT_EQ(map->At("data", "AWS_ENDPOINT_URL_KINESIS").AsString(), settings.endpoint);
}

}  // namespace
}  // namespace millrace::op
