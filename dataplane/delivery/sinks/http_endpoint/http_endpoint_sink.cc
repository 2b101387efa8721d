#include "dataplane/delivery/sinks/http_endpoint/http_endpoint_sink.h"

#include <algorithm>
#include <numeric>

#include "common/codec/base64.h"
#include "common/codec/digest.h"
#include "common/http_client/client_pool.h"
#include "common/json/value.h"
#include "dataplane/delivery/formats/deflate.h"

namespace millrace::delivery {

namespace {

constexpr int kOk = 200;
constexpr int kTooLarge = 413;
constexpr size_t kAnswerBytesMax = size_t{1} << 20;
constexpr size_t kUuidBytes = 16;
constexpr std::string_view kRefusedCode = "HttpEndpoint.DestinationException";
constexpr std::string_view kWrongAnswerCode = "HttpEndpoint.InvalidResponseFromDestination";

// Records first .. last of a parcel, one request's.
struct Chunk {
  size_t first = 0;
  size_t last = 0;
};

// The same for the same records of the same parcel, whichever try and whatever was delivered before
// them.
std::string RequestId(const Parcel& parcel, const Chunk& chunk) {
  std::string name = parcel.id;
  for (const size_t i : {chunk.first, chunk.last - 1}) {
    const Origin& origin = parcel.records[i].origin;
    for (const std::string_view part : {origin.shard, origin.sequence_number})
      name.append("/").append(part);
    name += "/" + std::to_string(origin.sub_sequence_number);
  }
  const std::string hex = codec::Hex(codec::Sha256(name)).substr(0, 2 * kUuidBytes);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

std::string BodyOf(const Parcel& parcel, const Chunk& chunk, const std::string& id, WallMs now) {
  constexpr size_t kAround = 16;  // of a record: {"data":""},
  size_t size = 128;
  for (size_t i = chunk.first; i < chunk.last; ++i)
    size += codec::Base64EncodedSize(parcel.records[i].data.size()) + kAround;
  std::string body;
  body.reserve(size);
  body += R"({"requestId":")" + id + R"(","timestamp":)" + std::to_string(now) + R"(,"records":[)";
  for (size_t i = chunk.first; i < chunk.last; ++i) {
    body += i == chunk.first ? R"({"data":")" : R"(,{"data":")";
    body += codec::Base64Encode(parcel.records[i].data);
    body += R"("})";
  }
  return body += "]}";
}

Delivery Retry(std::string_view code, std::string message) {
  return {.verdict = Delivery::Verdict::kRetry,
          .code = std::string(code),
          .message = std::move(message)};
}

Delivery Judge(const net::ClientResponse& response, const std::string& id) {
  const auto body = json::ParseJson(std::string_view(response.body).substr(0, kAnswerBytesMax));
  if (response.status != kOk) {
    const std::string said = body.ok() && !(*body)["errorMessage"].AsString().empty()
                                 ? (*body)["errorMessage"].AsString()
                                 : response.body;
    Delivery out =
        Retry(kRefusedCode, "HTTP " + std::to_string(response.status) + ": " + said.substr(0, 900));
    out.retry_after = response.RetryAfter();
    if (response.status == kTooLarge) out.verdict = Delivery::Verdict::kRefused;
    return out;
  }
  if (!response.FindHeader("content-type").starts_with("application/json"))
    return Retry(kWrongAnswerCode, "200 with Content-Type '" +
                                       std::string(response.FindHeader("content-type")) +
                                       "' in the place of application/json");
  if (!body.ok()) return Retry(kWrongAnswerCode, "200 without JSON of at most 1 MiB");
  if ((*body)["requestId"].AsString() != id)
    return Retry(kWrongAnswerCode, "200 with requestId '" +
                                       (*body)["requestId"].AsString().substr(0, 100) +
                                       "' in the place of '" + id + "'");
  return {};
}

class HttpEndpointSink final : public Sink {
 public:
  HttpEndpointSink(HttpEndpointOptions options, net::UrlParts url, Clock& clock)
      : options_(std::move(options)),
        target_(std::move(url.target)),
        clock_(clock),
        pool_(url.endpoint, options_.http) {
    if (options_.common_attributes.empty()) return;
    json::Object attributes;
    for (const auto& [name, value] : options_.common_attributes)
      attributes.emplace_back(name, value);
    common_attributes_ = json::WriteJson(json::Object{{"commonAttributes", std::move(attributes)}});
  }

  Delivery Deliver(const Parcel& parcel) override {
    Delivery all;
    for (Chunk chunk{0, 0}; chunk.last < parcel.records.size();) {
      chunk = Next(parcel, chunk.last);
      Delivery one = Send(parcel, chunk);
      if (one.verdict == Delivery::Verdict::kDelivered) continue;
      all.code = one.code;
      all.message = one.message;
      all.verdict = one.verdict;
      if (one.verdict == Delivery::Verdict::kRefused) {
        for (size_t i = chunk.first; i < chunk.last; ++i)
          all.rejected.push_back({.index = i, .code = one.code, .message = one.message});
        continue;
      }
      all.retry_after = one.retry_after;
      // What came before is there; nothing of one that failed whole is settled.
      if (chunk.first == 0) return all;
      all.again.resize(parcel.records.size() - chunk.first);
      std::iota(all.again.begin(), all.again.end(), chunk.first);
      return all;
    }
    return all;
  }

  // The protocol has no request without records.
  Status Probe() override { return OkStatus(); }
  void Stop() override { pool_.Stop(); }

 private:
  Chunk Next(const Parcel& parcel, size_t first) const {
    Chunk chunk{first, first};
    size_t bytes = 0;
    while (chunk.last < parcel.records.size() && chunk.last - first < options_.records_max) {
      bytes += parcel.records[chunk.last].data.size();
      if (bytes > options_.data_bytes_max && chunk.last > first) break;
      ++chunk.last;
    }
    return chunk;
  }

  Delivery Send(const Parcel& parcel, const Chunk& chunk) {
    const std::string id = RequestId(parcel, chunk);
    net::ClientRequest request{.target = target_,
                               .headers = {{"content-type", "application/json"},
                                           {"x-amz-firehose-protocol-version", "1.0"},
                                           {"x-amz-firehose-request-id", id},
                                           {"x-amz-firehose-source-arn", options_.source_arn}},
                               .body = BodyOf(parcel, chunk, id, clock_.WallNow())};
    if (!options_.access_key.empty())
      request.headers.emplace_back("x-amz-firehose-access-key", options_.access_key);
    if (!common_attributes_.empty())
      request.headers.emplace_back("x-amz-firehose-common-attributes", common_attributes_);
    if (options_.gzip) {
      request.headers.emplace_back("content-encoding", "gzip");
      request.body = Gzip(request.body);
    }
    const auto response = pool_.Send(request);
    if (!response.ok()) return Retry(kRefusedCode, response.status().message());
    return Judge(*response, id);
  }

  const HttpEndpointOptions options_;
  const std::string target_;
  Clock& clock_;
  std::string common_attributes_;
  net::ClientPool pool_;
};

}  // namespace

Result<std::unique_ptr<Sink>> MakeHttpEndpointSink(HttpEndpointOptions options, Clock& clock) {
  ASSIGN_OR_RETURN(net::UrlParts url, net::SplitUrl(options.url));
  return std::unique_ptr<Sink>(
      std::make_unique<HttpEndpointSink>(std::move(options), std::move(url), clock));
}

}  // namespace millrace::delivery
