#include "cli/api_client.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/aws_framing/event_stream.h"
#include "common/base/clock.h"

namespace millrace::cli {
namespace {

constexpr std::string_view kTargetPrefix = "Kinesis_20131202.";

constexpr std::array<std::pair<std::string_view, Code>, 9> kExceptions = {{
    {"ResourceNotFoundException", Code::kNotFound},
    {"ResourceInUseException", Code::kResourceInUse},
    {"InvalidArgumentException", Code::kInvalidArgument},
    {"ValidationException", Code::kValidation},
    {"LimitExceededException", Code::kLimitExceeded},
    {"ProvisionedThroughputExceededException", Code::kThrottled},
    {"ExpiredIteratorException", Code::kExpiredIterator},
    {"ExpiredNextTokenException", Code::kExpiredToken},
    {"AccessDeniedException", Code::kAccessDenied},
}};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

Status StatusOf(std::string_view type, std::string_view message, int http_status) {
  Code code = http_status >= 500 ? Code::kUnavailable : Code::kAccessDenied;
  for (const auto& [name, known] : kExceptions) {
    if (type == name) code = known;
  }
  return {code, std::string(type) + ": " + std::string(message)};
}

Status FailureOf(const net::ClientResponse& response) {
  Result<json::Value> body = json::ParseJson(response.body);
  if (!body.ok()) {
    return Unavailable("the server answered HTTP " + std::to_string(response.status) +
                       " without saying why");
  }
  std::string type = (*body)["__type"].AsString();
  type = type.substr(type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
  std::string message = (*body)["message"].AsString();
  if (type.empty())
    return {response.status == 404 ? Code::kNotFound : Code::kInvalidArgument, message};
  return StatusOf(type, message, response.status);
}

std::string_view HeaderOf(const aws::EventMessage& message, std::string_view name) {
  for (const auto& [key, value] : message.headers) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

ApiFlags::ApiFlags(config::Settings& settings)
    : endpoint(settings.String("endpoint", "http://127.0.0.1:4566",
                               "Where the server is; AWS_ENDPOINT_URL where it is not given.",
                               "URL")),
      region(settings.String("region", "us-east-1", "The region that requests are signed for.")),
      insecure(settings.Bool("insecure", false, "Accept any TLS certificate.")) {}

ApiOptions ApiFlags::Options() const {
  ApiOptions options;
  options.endpoint = endpoint;
  std::string from_environment = Variable("AWS_ENDPOINT_URL_KINESIS");
  if (from_environment.empty()) from_environment = Variable("AWS_ENDPOINT_URL");
  if (endpoint == "http://127.0.0.1:4566" && !from_environment.empty())
    options.endpoint = from_environment;
  options.region = region;
  options.verify_certificate = !insecure;
  aws::Credentials credentials;
  credentials.access_key_id = Variable("AWS_ACCESS_KEY_ID");
  credentials.secret_access_key = Variable("AWS_SECRET_ACCESS_KEY");
  if (!credentials.access_key_id.empty() && !credentials.secret_access_key.empty())
    options.credentials = credentials;
  return options;
}

ApiClient::ApiClient(ApiOptions options)
    : options_(std::move(options)),
      client_(options_.endpoint, {.verify_certificate = options_.verify_certificate}) {
  size_t scheme = options_.endpoint.find("://");
  host_ = options_.endpoint.substr(scheme == std::string::npos ? 0 : scheme + 3);
  host_ = host_.substr(0, host_.find('/'));
}

net::ClientRequest ApiClient::Prepare(std::string method, std::string target, std::string body,
                                      std::vector<net::OwnedHeader> headers,
                                      std::string service) const {
  net::ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  request.headers = std::move(headers);
  if (options_.credentials) {
    aws::SignRequest sign;
    sign.method = request.method;
    sign.host = host_;
    sign.path = request.target;
    sign.headers = request.headers;
    sign.body = request.body;
    sign.region = options_.region;
    sign.service = std::move(service);
    for (auto& header : aws::SignV4(sign, *options_.credentials, SystemClock().WallNow())) {
      request.headers.push_back(std::move(header));
    }
  }
  return request;
}

Result<json::Value> ApiClient::Kinesis(std::string_view operation, const json::Value& input) {
  std::vector<net::OwnedHeader> headers = {
      {"Content-Type", "application/x-amz-json-1.1"},
      {"X-Amz-Target", std::string(kTargetPrefix) + std::string(operation)}};
  std::string body = input.is_null() ? "{}" : json::WriteJson(input);
  ASSIGN_OR_RETURN(
      net::ClientResponse response,
      client_.Send(Prepare("POST", "/", std::move(body), std::move(headers), "kinesis")));
  if (response.status != 200) return FailureOf(response);
  if (response.body.empty()) return json::Value(json::Object{});
  return json::ParseJson(response.body, {.tokens_max = 10'000'000});
}

Status ApiClient::Subscribe(const json::Value& input,
                            const std::function<bool(const json::Value&)>& on_event) {
  std::vector<net::OwnedHeader> headers = {
      {"Content-Type", "application/x-amz-json-1.1"},
      {"X-Amz-Target", std::string(kTargetPrefix) + "SubscribeToShard"}};
  aws::EventDecoder decoder;
  Status failed;
  auto on_data = [&](std::string_view data) {
    decoder.Feed(data);
    while (true) {
      Result<aws::EventMessage> message = decoder.Next();
      if (!message.ok()) {
        if (message.status().code() == Code::kNotFound) return true;
        failed = message.status();
        return false;
      }
      Result<json::Value> document = json::ParseJson(message->payload, {.tokens_max = 10'000'000});
      if (!document.ok()) {
        failed = document.status();
        return false;
      }
      if (HeaderOf(*message, ":message-type") == "exception") {
        failed =
            StatusOf(HeaderOf(*message, ":exception-type"), (*document)["message"].AsString(), 400);
        return false;
      }
      if (HeaderOf(*message, ":event-type") == "SubscribeToShardEvent" && !on_event(*document))
        return false;
    }
  };
  ASSIGN_OR_RETURN(
      net::ClientResponse response,
      client_.Stream(Prepare("POST", "/", json::WriteJson(input), std::move(headers), "kinesis"),
                     on_data));
  if (response.status != 200) return FailureOf(response);
  return failed;
}

Result<json::Value> ApiClient::Resource(std::string_view method, std::string_view path,
                                        const json::Value& body) {
  std::string target = "/apis/millrace.dev/v1alpha1/" + std::string(path);
  std::string text = body.is_null() ? "" : json::WriteJson(body);
  std::vector<net::OwnedHeader> headers = {{"Content-Type", "application/json"}};
  ASSIGN_OR_RETURN(net::ClientResponse response,
                   client_.Send(Prepare(std::string(method), target, std::move(text),
                                        std::move(headers), "kinesis")));
  if (response.status >= 300) return FailureOf(response);
  return json::ParseJson(response.body, {.tokens_max = 10'000'000});
}

int Fail(const Status& status, const ApiOptions& options) {
  std::fprintf(stderr, "millrace: %s\n", status.message().c_str());
  if (status.code() == Code::kUnavailable || status.code() == Code::kTimeout) {
    std::fprintf(stderr,
                 "Nothing usable answers at %s. Is `millrace up` running there? Another place: "
                 "--endpoint URL.\n",
                 options.endpoint.c_str());
  } else if (status.code() == Code::kAccessDenied && !options.credentials) {
    std::fprintf(stderr,
                 "The request was not signed: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.\n");
  }
  return 1;
}

}  // namespace millrace::cli
