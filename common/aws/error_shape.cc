#include "common/aws/error_shape.h"

#include "common/base/random.h"
#include "common/codec/base64.h"

namespace millrace::aws {

namespace {

// AWS's own words, from the common errors of its API references.
constexpr std::string_view kInternalFailureText =
    "The request processing has failed because of an unknown error, exception or failure.";
constexpr std::string_view kServiceUnavailableText =
    "The request has failed due to a temporary failure of the server.";
constexpr size_t kExtendedIdBytes = 72;

ErrorShape Unavailable() {
  return {503, "ServiceUnavailable", std::string(kServiceUnavailableText)};
}

// x-amz-id-2 means something only to support staff: random, so a cheap generator a thread will do.
std::string ExtendedRequestId() {
  thread_local Random random(SecureRandom64());
  std::string bytes;
  bytes.reserve(kExtendedIdBytes);
  while (bytes.size() < kExtendedIdBytes) {
    uint64_t word = random.Next();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  return codec::Base64Encode(bytes);
}

net::HttpResponse Respond(int status, Slice body, std::string_view content_type,
                          std::string_view request_id) {
  net::HttpResponse response;
  response.status = status;
  response.headers.reserve(4);
  response.headers.emplace_back("x-amzn-RequestId", request_id);
  response.headers.emplace_back("x-amz-id-2", ExtendedRequestId());
  response.headers.emplace_back("Content-Type", content_type);
  response.body.push_back(std::move(body));
  return response;
}

net::HttpResponse Refusal(const ErrorShape& error, std::string body, std::string_view content_type,
                          std::string_view request_id) {
  net::HttpResponse response =
      Respond(error.http_status, Slice::FromString(std::move(body)), content_type, request_id);
  response.headers.emplace_back("x-amzn-ErrorType", error.type);
  return response;
}

// The framework in front of AWS's services, which finds these, spells the member in upper case.
std::string_view MessageMember(const ErrorShape& error) {
  return error.type == "SerializationException" ? "Message" : "message";
}

}  // namespace

ErrorShape ShapeOf(const Status& status) {
  switch (status.code()) {
    case Code::kInvalidArgument:
      return {400, "InvalidArgumentException", status.message()};
    case Code::kValidation:
      return {400, "ValidationException", status.message()};
    case Code::kNotFound:
      return {400, "ResourceNotFoundException", status.message()};
    case Code::kResourceInUse:
      return {400, "ResourceInUseException", status.message()};
    case Code::kLimitExceeded:
      return {400, "LimitExceededException", status.message()};
    case Code::kThrottled:
      return {400, "ProvisionedThroughputExceededException", status.message()};
    case Code::kAccessDenied:
      return {400, "AccessDeniedException", status.message()};
    case Code::kExpiredIterator:
      return {400, "ExpiredIteratorException", status.message()};
    case Code::kExpiredToken:
      return {400, "ExpiredNextTokenException", status.message()};
    case Code::kDryRun:
      return {400, "DryRunOperationException", status.message()};
    case Code::kUnsupported:
      return {400, "UnknownOperationException", status.message()};
    case Code::kNoSpace:
      return {400, "ProvisionedThroughputExceededException",
              "The volume that holds this shard is full. Retry when there is room."};
    // A lost compare-and-set is won by doing it again, which is what SDKs do on a 503.
    case Code::kConflict:
    case Code::kUnavailable:
    case Code::kTimeout:
      return Unavailable();
    case Code::kOk:
    case Code::kIo:
    case Code::kFenced:
    case Code::kCorrupt:
    case Code::kInternal:
      break;
  }
  return {500, "InternalFailure", std::string(kInternalFailureText)};
}

ErrorShape NamedError(int http_status, std::string type, std::string message) {
  return {http_status, std::move(type), std::move(message)};
}

net::HttpResponse ErrorResponse(const ErrorShape& error, Protocol protocol,
                                std::string_view request_id) {
  json::Object body;
  body.emplace_back("__type", error.type);
  if (!error.message.empty()) body.emplace_back(MessageMember(error), error.message);
  std::string text = EncodeBody(protocol, json::Value(std::move(body)));
  return Refusal(error, std::move(text), ContentType(protocol), request_id);
}

net::HttpResponse XmlErrorResponse(const ErrorShape& error, std::string_view request_id) {
  std::string body = "<" + error.type + "/>\n";
  if (!error.message.empty()) {
    body =
        "<" + error.type + ">\n  <Message>" + error.message + "</Message>\n</" + error.type + ">\n";
  }
  return Refusal(error, std::move(body), "text/xml", request_id);
}

net::HttpResponse OkResponse(Slice body, Protocol protocol, std::string_view request_id) {
  return Respond(200, std::move(body), ContentType(protocol), request_id);
}

}  // namespace millrace::aws
