#pragma once

#include <memory>
#include <string>

#include "common/aws/error_shape.h"
#include "common/aws/protocol.h"
#include "common/aws/sigv4.h"
#include "common/http_server/http_server.h"
#include "common/json/value.h"

namespace millrace::kinesis {

// One request of an operation on its way, from authentication to its answer. Lives on its
// connection's executor; shared by the steps that serve it. Exactly one of Ok and Fail ends it.
struct Call {
  net::HttpRequest request;
  std::shared_ptr<net::ResponseWriter> writer;
  std::string request_id;
  aws::Protocol protocol = aws::Protocol::kJson;
  std::string_view service = "kinesis";  // or "firehose", as SigV4 has them
  std::string_view operation;            // points into `request`
  aws::Identity identity;
  // A part of the installation calls: everything is allowed, and shards' limits are not for it.
  bool is_internal = false;
  MonoTime started{};

  Executor& executor() { return writer->executor(); }
  void Ok(Slice body) { writer->Send(aws::OkResponse(std::move(body), protocol, request_id)); }
  void Ok(const json::Value& body) { Ok(Slice::FromString(aws::EncodeBody(protocol, body))); }
  void Fail(const aws::ErrorShape& error) {
    writer->Send(aws::ErrorResponse(error, protocol, request_id));
  }
  // Failures inside are logged with their cause, which the caller is not shown.
  void Fail(const Status& status);
};
using CallPtr = std::shared_ptr<Call>;

// The body as a document that holds every constraint of the operation's model; nothing after the
// call was answered with what is wrong.
std::optional<json::Value> ReadInput(Call& call);

}  // namespace millrace::kinesis
