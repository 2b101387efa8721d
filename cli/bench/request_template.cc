#include "cli/bench/request_template.h"

#include "common/aws/protocol.h"
#include "common/aws/sigv4.h"
#include "common/base/random.h"
#include "common/json/value.h"

namespace millrace::cli {
namespace {

std::string RandomBytes(Random& random, size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(random.Next());
  return bytes;
}

json::Value RecordOf(Random& random, const TemplateOptions& options) {
  json::Value record;
  record.Set("Data", json::Blob{RandomBytes(random, options.record_bytes)});
  record.Set("PartitionKey", std::to_string(random.Next()));
  if (!options.shard_hash_key.empty()) record.Set("ExplicitHashKey", options.shard_hash_key);
  return record;
}

std::string HostOf(const std::string& endpoint) {
  size_t scheme = endpoint.find("://");
  std::string host = endpoint.substr(scheme == std::string::npos ? 0 : scheme + 3);
  return host.substr(0, host.find('/'));
}

std::string OneRequest(Random& random, const TemplateOptions& options, const ApiOptions& api) {
  json::Value input;
  bool many = options.records_per_call > 1;
  if (many) {
    json::Value records = json::Array{};
    for (size_t i = 0; i < options.records_per_call; ++i) records.Append(RecordOf(random, options));
    input.Set("Records", std::move(records));
  } else {
    input = RecordOf(random, options);
  }
  input.Set("StreamName", options.stream);
  auto protocol = options.cbor ? aws::Protocol::kCbor : aws::Protocol::kJson;
  std::string body = aws::EncodeBody(protocol, input);
  std::vector<net::OwnedHeader> headers = {
      {"Content-Type", std::string(aws::ContentType(protocol))},
      {"X-Amz-Target", std::string("Kinesis_20131202.") + (many ? "PutRecords" : "PutRecord")}};
  std::string host = HostOf(api.endpoint);
  bool host_signed = false;
  if (api.credentials) {
    aws::SignRequest sign;
    sign.host = host;
    sign.headers = headers;
    sign.body = body;
    sign.region = api.region;
    for (auto& header : aws::SignV4(sign, *api.credentials, SystemClock().WallNow())) {
      host_signed = host_signed || header.first == "host" || header.first == "Host";
      headers.push_back(std::move(header));
    }
  }
  if (!host_signed) headers.emplace_back("Host", host);
  std::string request = "POST / HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  return request + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

std::vector<std::string> MakeRequests(const TemplateOptions& options, const ApiOptions& api) {
  Random random(SecureRandom64());
  std::vector<std::string> requests;
  for (size_t i = 0; i < options.count; ++i) requests.push_back(OneRequest(random, options, api));
  return requests;
}

}  // namespace millrace::cli
