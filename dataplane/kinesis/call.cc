#include "dataplane/kinesis/call.h"

#include "common/aws/kinesis_shapes.h"
#include "common/log/log.h"

namespace millrace::kinesis {

void Call::Fail(const Status& status) {
  const aws::ErrorShape error = aws::ShapeOf(status);
  if (error.http_status >= 500) {
    log::Warning(
        "request failed",
        {{"request_id", request_id}, {"operation", operation}, {"error", status.ToString()}});
  }
  Fail(error);
}

std::optional<json::Value> ReadInput(Call& call) {
  Result<json::Value> input = aws::DecodeBody(call.protocol, call.request.body.view());
  if (!input.ok()) {
    call.Fail(aws::NamedError(400, "SerializationException", input.status().message()));
    return std::nullopt;
  }
  const aws::Shape& shape = aws::KinesisInputShape(call.operation);
  if (const auto error = aws::ValidateInput(shape, call.protocol, *input)) {
    call.Fail(*error);
    return std::nullopt;
  }
  return std::move(input).value();
}

}  // namespace millrace::kinesis
