#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/json/value.h"

namespace millrace::controlplane {

// NextTokens: opaque, signed, good for 300 s (Kinesis's limit). The key is made when the process
// starts: a token does not outlive it. Any thread.
class PageTokens {
 public:
  PageTokens(Clock& clock, std::string key) : clock_(clock), key_(std::move(key)) {}
  // `operation` binds the token to the operation it was made for.
  std::string Make(std::string_view operation, const json::Value& position) const;
  // kExpiredToken when it is too old, kInvalidArgument when it is not one of ours.
  Result<json::Value> Read(std::string_view operation, const std::string& token) const;

 private:
  Clock& clock_;
  const std::string key_;
};

}  // namespace millrace::controlplane
