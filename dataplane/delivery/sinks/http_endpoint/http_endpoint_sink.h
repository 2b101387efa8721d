#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/http_client/http_client.h"
#include "dataplane/delivery/model/sink.h"

namespace millrace::delivery {

struct HttpEndpointOptions {
  std::string url;         // https://host:port/path?query
  std::string access_key;  // "": none
  std::string source_arn;  // of the delivery stream
  bool gzip = false;
  std::map<std::string, std::string> common_attributes{};
  net::HttpClientOptions http{};
  // What one request may have: Firehose's protocol says 10,000 records and 64 MiB of JSON.
  size_t records_max = 10'000;
  size_t data_bytes_max = size_t{47} << 20;
};

// Firehose's HTTP endpoint delivery, protocol 1.0: JSON with the records in base64 behind a request
// id that retries of the same records repeat, so that the endpoint can tell what it has. Delivered
// is what was answered with exactly 200, JSON and that id; a redirect is not followed. 413 is not
// tried again and goes to the backup (Firehose drops it); all else is. A parcel above one request's
// limits becomes several, in its order. Any thread.
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html
Result<std::unique_ptr<Sink>> MakeHttpEndpointSink(HttpEndpointOptions options, Clock& clock);

}  // namespace millrace::delivery
