#pragma once

#include <string>
#include <string_view>

namespace millrace::net {

// The reason phrase of a status, "Unknown" for one we never send.
std::string_view ReasonPhrase(int status);

// The body of an answer that the server gives by itself, before any handler has seen the request:
// {"__type":"RequestEntityTooLargeException","message":"..."} (docs/limits.md lists the types).
std::string ErrorBody(int status, std::string_view message);

// The `reason` label under which a refusal with this status is counted.
std::string RefusalReason(int status);

inline constexpr std::string_view kErrorContentType = "application/x-amz-json-1.1";

}  // namespace millrace::net
