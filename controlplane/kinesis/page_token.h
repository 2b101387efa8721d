#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/codec/digest.h"
#include "common/json/value.h"

namespace millrace::controlplane {

// NextTokens: encrypted, so that nobody builds on what is in them, and good for 300 s (Kinesis's
// limit). Any thread.
class PageTokens {
 public:
  // Whoever has the same secret reads the tokens: several control planes of one installation do.
  PageTokens(Clock& clock, std::string_view secret);
  // `operation` binds the token to the operation it was made for.
  std::string Make(std::string_view operation, const json::Value& position) const;
  // kExpiredToken when it is too old, kInvalidArgument when it is not one of ours.
  Result<json::Value> Read(std::string_view operation, const std::string& token) const;

 private:
  Clock& clock_;
  const codec::Sha256Digest key_;
};

}  // namespace millrace::controlplane
