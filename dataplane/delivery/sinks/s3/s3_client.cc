#include "dataplane/delivery/sinks/s3/s3_client.h"

#include "common/codec/digest.h"

namespace millrace::delivery {

namespace {

constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr size_t kMessageMax = 1024;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~' || c == '/';
}

std::string EndpointOf(const S3ClientOptions& options) {
  if (options.endpoint.empty()) return "https://s3." + options.region + ".amazonaws.com";
  std::string endpoint = options.endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

std::string HostOf(const std::string& endpoint) {
  const size_t begin = endpoint.find("://");
  return begin == std::string::npos ? endpoint : endpoint.substr(begin + 3);
}

}  // namespace

std::string XmlText(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">";
  size_t at = xml.find(open);
  if (at == std::string_view::npos) return "";
  at += open.size();
  const size_t end = xml.find("</" + std::string(name) + ">", at);
  if (end == std::string_view::npos) return "";
  std::string out(xml.substr(at, end - at));
  constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"},   {"&gt;", ">"},  {"&quot;", "\""}, {"&apos;", "'"},
      {"&#34;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, text] : kEntities)
    for (size_t i = 0; (i = out.find(entity, i)) != std::string::npos; i += text.size())
      out.replace(i, entity.size(), text);
  return out;
}

S3Error ReadS3Error(const net::ClientResponse& response) {
  S3Error error{response.status, XmlText(response.body, "Code"), XmlText(response.body, "Message")};
  if (error.code.empty()) {
    error.code = "HTTP " + std::to_string(response.status);
    error.message = response.body.substr(0, kMessageMax);
  }
  return error;
}

std::string EncodeS3Key(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (IsPlain(c)) {
      out += c;
      continue;
    }
    out += '%';
    out += kHex[static_cast<uint8_t>(c) >> 4];
    out += kHex[static_cast<uint8_t>(c) & 15];
  }
  return out;
}

S3Client::S3Client(S3ClientOptions options, Clock& clock)
    : options_(std::move(options)),
      endpoint_(EndpointOf(options_)),
      host_(HostOf(endpoint_)),
      clock_(clock),
      pool_(endpoint_, options_.http) {}

Result<net::ClientResponse> S3Client::Send(std::string method, std::string path, std::string query,
                                           std::string_view body,
                                           std::vector<net::OwnedHeader> headers) {
  const codec::Sha256Digest digest = codec::Sha256(body);
  headers.emplace_back("x-amz-content-sha256", codec::Hex(digest));
  if (!options_.session_token.empty())
    headers.emplace_back("x-amz-security-token", options_.session_token);
  const aws::SignRequest to_sign{.method = method,
                                 .host = host_,
                                 .path = path,
                                 .query = query,
                                 .headers = headers,
                                 .body = body,
                                 .region = options_.region,
                                 .service = "s3",
                                 .body_digest = digest};
  aws::Credentials credentials;
  credentials.access_key_id = options_.access_key_id;
  credentials.secret_access_key = options_.secret_access_key;
  for (auto& header : aws::SignV4(to_sign, credentials, clock_.WallNow()))
    headers.push_back(std::move(header));
  net::ClientRequest request{.method = std::move(method),
                             .target = query.empty() ? path : path + "?" + query,
                             .headers = std::move(headers),
                             .body = std::string(body)};
  return pool_.Send(request);
}

}  // namespace millrace::delivery
