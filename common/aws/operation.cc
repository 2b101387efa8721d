#include "common/aws/operation.h"

#include <algorithm>

#include "common/base/check.h"

namespace millrace::aws {

namespace {

constexpr std::string_view kUndeterminedText =
    "Unable to determine service/operation name to be authorized";

CallOrRefusal Refuse(net::HttpResponse response) { return {std::nullopt, std::move(response)}; }

}  // namespace

CallOrRefusal ReadCall(const net::HttpRequest& request, std::string_view target_prefix,
                       std::string_view request_id) {
  auto undetermined = [&] {
    return Refuse(XmlErrorResponse(
        NamedError(403, "AccessDeniedException", std::string(kUndeterminedText)), request_id));
  };
  if (request.method != "POST") return undetermined();
  std::string_view target = request.FindHeader("x-amz-target");
  size_t dot = target.find('.');
  bool named = dot != std::string_view::npos && dot > 0 && dot + 1 < target.size();
  Result<Protocol> protocol = ProtocolOf(request.FindHeader("content-type"));
  if (!protocol.ok()) {
    if (!named) return undetermined();
    return Refuse(XmlErrorResponse(NamedError(404, "UnknownOperationException", ""), request_id));
  }
  if (!named || target.substr(0, dot) != target_prefix) {
    return Refuse(
        ErrorResponse(NamedError(400, "UnknownOperationException", ""), *protocol, request_id));
  }
  return {Call{*protocol, target.substr(dot + 1)}, std::nullopt};
}

void Dispatcher::Add(Operation operation) {
  std::string_view name = operation.name;
  CHECK(operations_.emplace(name, std::move(operation)).second);
}

void Dispatcher::AddNotOffered(std::string_view name) { not_offered_.push_back(name); }

net::HttpResponse Dispatcher::Dispatch(const net::HttpRequest& request,
                                       RequestContext context) const {
  CallOrRefusal read = ReadCall(request, target_prefix_, context.request_id);
  if (read.refusal) return *std::move(read.refusal);
  return Dispatch(*read.call, request.body.view(), std::move(context));
}

net::HttpResponse Dispatcher::Dispatch(const Call& call, std::string_view body,
                                       RequestContext context) const {
  context.protocol = call.protocol;
  auto refuse = [&](const ErrorShape& error) {
    return ErrorResponse(error, call.protocol, context.request_id);
  };
  auto found = operations_.find(call.operation);
  if (found == operations_.end()) {
    bool known = std::ranges::find(not_offered_, call.operation) != not_offered_.end();
    return refuse(NamedError(400, "UnknownOperationException",
                             known
                                 ? std::string(call.operation) +
                                       " is an operation of this API that Millrace does not offer."
                                 : ""));
  }
  const Operation& operation = found->second;
  Result<json::Value> input = DecodeBody(call.protocol, body);
  if (!input.ok())
    return refuse(NamedError(400, "SerializationException", input.status().message()));
  if (auto error = ValidateInput(operation.input, call.protocol, *input)) return refuse(*error);
  Result<json::Value> output = operation.handler(context, *std::move(input));
  if (!output.ok()) return refuse(ShapeOf(output.status()));
  return OkResponse(Slice::FromString(EncodeBody(call.protocol, *output)), call.protocol,
                    context.request_id);
}

}  // namespace millrace::aws
