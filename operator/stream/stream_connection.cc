#include "operator/stream/stream_connection.h"

namespace millrace::op {

std::optional<json::Value> StreamConnection(const StreamSettings& settings,
                                            const resources::Resource& stream,
                                            const resources::StreamSpec& spec) {
  const std::string& arn = stream.status["streamARN"].AsString();
  if (spec.connection_config_map.empty() || arn.empty()) return std::nullopt;
  json::Value owner;
  owner.Set("apiVersion", stream.api_version);
  owner.Set("kind", stream.kind);
  owner.Set("name", stream.key.name);
  owner.Set("uid", stream.uid);
  json::Value metadata;
  metadata.Set("name", spec.connection_config_map);
  metadata.Set("namespace", stream.key.ns);
  metadata.Set("ownerReferences", json::Array{std::move(owner)});
  json::Value data;
  data.Set("AWS_ENDPOINT_URL_KINESIS", settings.endpoint);
  data.Set("AWS_REGION", settings.region);
  data.Set("STREAM_NAME", StreamNameOf(stream));
  data.Set("STREAM_ARN", arn);
  json::Value map;
  map.Set("apiVersion", "v1");
  map.Set("kind", "ConfigMap");
  map.Set("metadata", std::move(metadata));
  map.Set("data", std::move(data));
  return map;
}

}  // namespace millrace::op
