#include "common/aws/protocol.h"

#include "common/aws/cbor.h"

namespace millrace::aws {

namespace {

constexpr std::string_view kJsonType = "application/x-amz-json-1.1";
constexpr std::string_view kCborType = "application/x-amz-cbor-1.1";

bool EqualIgnoringCase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] - 'A' + 'a') : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

std::string_view ContentType(Protocol protocol) {
  return protocol == Protocol::kCbor ? kCborType : kJsonType;
}

Result<Protocol> ProtocolOf(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  if (EqualIgnoringCase(type, kJsonType)) return Protocol::kJson;
  if (EqualIgnoringCase(type, kCborType)) return Protocol::kCbor;
  return Status(Code::kUnsupported, "content type is neither AWS JSON 1.1 nor AWS CBOR 1.1");
}

Result<json::Value> DecodeBody(Protocol protocol, std::string_view body) {
  if (body.empty()) return json::Value(json::Object{});
  return protocol == Protocol::kCbor ? ParseCbor(body) : json::ParseJson(body);
}

std::string EncodeBody(Protocol protocol, const json::Value& value) {
  if (protocol == Protocol::kJson) return json::WriteJson(value);
  std::string out;
  AppendCbor(out, value);
  return out;
}

}  // namespace millrace::aws
