#include "common/net/http_status.h"

namespace millrace::net {
namespace {

struct KnownStatus {
  int status;
  std::string_view reason;
  std::string_view type;  // of the errors that the server answers itself
};

constexpr KnownStatus kStatuses[] = {
    {100, "Continue", ""},
    {200, "OK", ""},
    {201, "Created", ""},
    {202, "Accepted", ""},
    {204, "No Content", ""},
    {206, "Partial Content", ""},
    {301, "Moved Permanently", ""},
    {302, "Found", ""},
    {304, "Not Modified", ""},
    {307, "Temporary Redirect", ""},
    {308, "Permanent Redirect", ""},
    {400, "Bad Request", "MalformedHttpRequestException"},
    {401, "Unauthorized", ""},
    {403, "Forbidden", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", ""},
    {408, "Request Timeout", "RequestTimeoutException"},
    {409, "Conflict", ""},
    {410, "Gone", ""},
    {412, "Precondition Failed", ""},
    {413, "Content Too Large", "RequestEntityTooLargeException"},
    {414, "URI Too Long", "RequestUriTooLongException"},
    {415, "Unsupported Media Type", ""},
    {417, "Expectation Failed", "ExpectationFailedException"},
    {422, "Unprocessable Content", ""},
    {429, "Too Many Requests", ""},
    {431, "Request Header Fields Too Large", "RequestHeadersTooLargeException"},
    {500, "Internal Server Error", "InternalFailure"},
    {501, "Not Implemented", "NotImplementedException"},
    {502, "Bad Gateway", ""},
    {503, "Service Unavailable", "ServiceUnavailable"},
    {504, "Gateway Timeout", ""},
    {505, "HTTP Version Not Supported", "HttpVersionNotSupportedException"},
    {507, "Insufficient Storage", ""},
};

const KnownStatus* Find(int status) {
  for (const KnownStatus& known : kStatuses) {
    if (known.status == status) return &known;
  }
  return nullptr;
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  if (status == 200) return "OK";
  const KnownStatus* known = Find(status);
  return known != nullptr ? known->reason : "Unknown";
}

std::string ErrorBody(int status, std::string_view message) {
  const KnownStatus* known = Find(status);
  std::string body = R"({"__type":")";
  body += known != nullptr && !known->type.empty() ? known->type : "InternalFailure";
  body += R"(","message":")";
  body += message;  // a constant of ours: nothing to escape
  body += R"("})";
  return body;
}

std::string RefusalReason(int status) {
  switch (status) {
    case 408:
      return "time";
    case 413:
      return "body_too_large";
    case 414:
    case 431:
      return "header_too_large";
    case 503:
      return "memory";
    default:
      return "malformed";
  }
}

}  // namespace millrace::net
