#pragma once

#include <string>
#include <string_view>

#include "common/aws/protocol.h"
#include "common/base/status.h"
#include "common/net/http_types.h"

namespace millrace::aws {

// What a client sees of a failure. The only translation of a Status into an AWS exception.
struct ErrorShape {
  int http_status = 400;
  std::string type;  // "ResourceNotFoundException"
  std::string message;
};

// Internal kinds (kIo, kCorrupt, kFenced, kInternal) become InternalFailure with a neutral message;
// kUnavailable and kTimeout become ServiceUnavailable (503); kNoSpace becomes
// ProvisionedThroughputExceededException, which every SDK retries.
ErrorShape ShapeOf(const Status& status);
// Exceptions without a Code of their own: SerializationException,
// MissingAuthenticationTokenException, ...
ErrorShape NamedError(int http_status, std::string type, std::string message);

// {"__type":...,"message":...} in the caller's protocol with x-amzn-ErrorType, x-amzn-RequestId and
// x-amz-id-2.
net::HttpResponse ErrorResponse(const ErrorShape& error, Protocol protocol,
                                std::string_view request_id);
// The same in XML, for requests that name no protocol of ours; the message is text of our own.
net::HttpResponse XmlErrorResponse(const ErrorShape& error, std::string_view request_id);
// A success with the same headers.
net::HttpResponse OkResponse(Slice body, Protocol protocol, std::string_view request_id);

}  // namespace millrace::aws
