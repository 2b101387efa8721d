#include "dataplane/delivery/service/record_sinks.h"

#include "dataplane/client/http_stream.h"
#include "dataplane/delivery/sinks/http_endpoint/http_endpoint_sink.h"
#include "dataplane/delivery/sinks/stream/stream_sink.h"

namespace millrace::delivery {

namespace {

using resources::DeliveryPlan;

// What Firehose gives HTTP endpoints to answer in.
constexpr std::chrono::minutes kCallTime(3);

Result<RecordSink> MakeHttpEndpoint(const DeliveryPlan& plan, Clock& clock) {
  const resources::HttpEndpointDestination& to = *plan.spec.destination.http_endpoint;
  HttpEndpointOptions options;
  options.url = to.url;
  if (!to.access_key.empty()) {
    ASSIGN_OR_RETURN(options.access_key, plan.Secret(to.access_key));
  }
  options.source_arn = plan.delivery_stream_arn;
  options.gzip = to.content_encoding == "GZIP";
  options.common_attributes = to.common_attributes;
  options.http = HttpOptions(plan, to.tls);
  ASSIGN_OR_RETURN(auto sink, MakeHttpEndpointSink(std::move(options), clock));
  return RecordSink{std::move(sink), "http-endpoint-failed"};
}

Result<RecordSink> MakeStream(const DeliveryPlan& plan, Clock& clock) {
  const resources::StreamAccess& access = plan.destination;
  client::StreamAddress address{.endpoint = access.endpoint,
                                .stream_name = access.stream_name,
                                .region = access.region,
                                .internal_token = access.internal_token,
                                .access_key_id = access.access_key_id,
                                .secret_access_key = access.secret_access_key,
                                .ca_pem = access.ca_pem};
  const bool random_keys = plan.spec.destination.stream->partition_key == "Random";
  return RecordSink{
      MakeStreamSink([address = std::move(address),
                      &clock] { return client::MakeHttpStreamWriter(address, clock); },
                     random_keys),
      "stream-failed"};
}

}  // namespace

net::HttpClientOptions HttpOptions(const DeliveryPlan& plan, const resources::TlsOptions& tls) {
  net::HttpClientOptions options;
  options.read_time_max = kCallTime;
  options.verify_certificate = tls.verification != "Disabled";
  if (!tls.ca.empty()) options.ca_pem = plan.SecretEntry(tls.ca.name, tls.ca.key);
  return options;
}

Result<RecordSink> MakeRecordSink(const DeliveryPlan& plan, Clock& clock) {
  const resources::DeliveryDestination& destination = plan.spec.destination;
  if (destination.http_endpoint) return MakeHttpEndpoint(plan, clock);
  if (destination.stream) return MakeStream(plan, clock);
  return Status(Code::kUnsupported, "destination " + destination.type + " is not offered yet");
}

}  // namespace millrace::delivery
