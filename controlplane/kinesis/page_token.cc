#include "controlplane/kinesis/page_token.h"

#include "common/codec/base64.h"
#include "common/codec/digest.h"

namespace millrace::controlplane {
namespace {

constexpr WallMs kLifetimeMs = 300'000;
constexpr size_t kMacBytes = 32;

std::string Mac(const std::string& key, std::string_view payload) {
  codec::Sha256Digest digest = codec::HmacSha256(key, payload);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

std::string PageTokens::Make(std::string_view operation, const json::Value& position) const {
  json::Value payload;
  payload.Set("op", operation);
  payload.Set("until", clock_.WallNow() + kLifetimeMs);
  payload.Set("at", position);
  std::string text = json::WriteJson(payload);
  return codec::Base64Encode(Mac(key_, text) + text);
}

Result<json::Value> PageTokens::Read(std::string_view operation, const std::string& token) const {
  Status foreign = InvalidArgument("The NextToken is not valid.");
  std::optional<std::string> raw = codec::Base64Decode(token);
  if (!raw || raw->size() <= kMacBytes) return foreign;
  std::string text = raw->substr(kMacBytes);
  if (!codec::ConstantTimeEqual(raw->substr(0, kMacBytes), Mac(key_, text))) return foreign;
  ASSIGN_OR_RETURN(json::Value payload, json::ParseJson(text));
  if (payload["op"].AsString() != operation) return foreign;
  if (payload["until"].AsInt() < clock_.WallNow()) {
    return Status(Code::kExpiredToken, "The pagination token passed to the operation is expired.");
  }
  return payload["at"];
}

}  // namespace millrace::controlplane
