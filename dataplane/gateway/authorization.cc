#include "dataplane/gateway/authorization.h"

#include "dataplane/kinesis/permissions.h"

namespace millrace::gateway {
namespace {

// The stream in "arn:…:stream/<name>" and "arn:…:stream/<name>/consumer/…"; "" where it is none.
std::string_view StreamIn(std::string_view arn) {
  constexpr std::string_view kMark = ":stream/";
  const size_t at = arn.find(kMark);
  if (at == arn.npos) return {};
  const std::string_view rest = arn.substr(at + kMark.size());
  return rest.substr(0, rest.find('/'));
}

}  // namespace

Status AuthorizeControlCall(const kinesis::Call& call) {
  const aws::Identity& who = call.identity;
  if (!who.grants) return OkStatus();
  // The resource API gives everything to those who reach it.
  if (call.operation.empty()) return kinesis::CheckPermission(who, "Resources", "");
  const Result<json::Value> input = aws::DecodeBody(call.protocol, call.request.body.view());
  if (call.service == "firehose") {
    const std::string action = "firehose:" + std::string(call.operation);
    return kinesis::CheckPermission(
        who, action, input.ok() ? (*input)["DeliveryStreamName"].AsString() : std::string());
  }
  bool names_a_stream = false;
  for (const char* member : {"StreamName", "StreamARN", "ResourceARN", "ConsumerARN"}) {
    if (!input.ok() || !(*input)[member].is_string()) continue;
    const std::string& text = (*input)[member].AsString();
    const bool is_name = std::string_view(member) == "StreamName";
    names_a_stream = true;
    RETURN_IF_ERROR(kinesis::CheckPermission(who, call.operation,
                                             is_name ? std::string_view(text) : StreamIn(text)));
  }
  return names_a_stream ? OkStatus() : kinesis::CheckPermission(who, call.operation, "");
}

}  // namespace millrace::gateway
