#include "controlplane/kinesis/page_token.h"

#include <optional>

#include "common/codec/base64.h"
#include "common/codec/sealed_text.h"

namespace millrace::controlplane {
namespace {

constexpr WallMs kLifetimeMs = 300'000;

}  // namespace

PageTokens::PageTokens(Clock& clock, std::string_view secret)
    : clock_(clock), key_(codec::HmacSha256(secret, "millrace page tokens")) {}

std::string PageTokens::Make(std::string_view operation, const json::Value& position) const {
  json::Value payload;
  payload.Set("until", clock_.WallNow() + kLifetimeMs);
  payload.Set("at", position);
  return codec::Base64Encode(codec::SealText(key_, operation, json::WriteJson(payload)));
}

Result<json::Value> PageTokens::Read(std::string_view operation, const std::string& token) const {
  const auto foreign = [] { return InvalidArgument("The NextToken is not valid."); };
  std::optional<std::string> sealed = codec::Base64Decode(token);
  if (!sealed) return foreign();
  std::optional<std::string> text = codec::OpenText(key_, operation, *sealed);
  if (!text) return foreign();
  ASSIGN_OR_RETURN(json::Value payload, json::ParseJson(*text));
  if (payload["until"].AsInt() < clock_.WallNow()) {
    return Status(Code::kExpiredToken, "The pagination token passed to the operation is expired.");
  }
  return payload["at"];
}

}  // namespace millrace::controlplane
