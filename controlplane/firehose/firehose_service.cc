#include "controlplane/firehose/firehose_service.h"

#include "controlplane/firehose/operations.h"
#include "controlplane/firehose/shapes.h"

namespace millrace::controlplane {
namespace {

aws::ErrorShape ShapeOf(const Status& status) {
  switch (status.code()) {
    case Code::kConflict:
      return aws::NamedError(400, "ConcurrentModificationException", status.message());
    case Code::kUnavailable:
      return aws::NamedError(503, "ServiceUnavailableException", status.message());
    default:
      return aws::ShapeOf(status);
  }
}

}  // namespace

FirehoseService::FirehoseService(FirehoseControl& control)
    : operations_{{"CreateDeliveryStream", CreateDeliveryStream(control)},
                  {"DeleteDeliveryStream", DeleteDeliveryStream(control)},
                  {"DescribeDeliveryStream", DescribeDeliveryStream(control)},
                  {"ListDeliveryStreams", ListDeliveryStreams(control)},
                  {"ListTagsForDeliveryStream", ListTagsForDeliveryStream(control)},
                  {"PutRecord", RefusePut(control)},
                  {"PutRecordBatch", RefusePut(control)},
                  {"StartDeliveryStreamEncryption", StartDeliveryStreamEncryption(control)},
                  {"StopDeliveryStreamEncryption", StopDeliveryStreamEncryption(control)},
                  {"TagDeliveryStream", TagDeliveryStream(control)},
                  {"UntagDeliveryStream", UntagDeliveryStream(control)},
                  {"UpdateDestination", UpdateDestination(control)}} {}

net::HttpResponse FirehoseService::Dispatch(const net::HttpRequest& request,
                                            aws::RequestContext context) const {
  aws::CallOrRefusal read = aws::ReadCall(request, kTargetPrefix, context.request_id);
  if (read.refusal) return *std::move(read.refusal);
  const aws::Call& call = *read.call;
  context.protocol = call.protocol;
  const auto refuse = [&](const aws::ErrorShape& error) {
    return aws::ErrorResponse(error, call.protocol, context.request_id);
  };
  const auto operation = operations_.find(call.operation);
  if (operation == operations_.end()) {
    return refuse(aws::NamedError(400, "UnknownOperationException", ""));
  }
  Result<json::Value> input = aws::DecodeBody(call.protocol, request.body.view());
  if (!input.ok()) {
    return refuse(aws::NamedError(400, "SerializationException", input.status().message()));
  }
  const aws::Shape& shape = FirehoseInputShape(call.operation);
  if (const auto error = aws::ValidateInput(shape, call.protocol, *input)) return refuse(*error);
  const Result<json::Value> output = operation->second(context, *std::move(input));
  if (!output.ok()) return refuse(ShapeOf(output.status()));
  return aws::OkResponse(Slice::FromString(aws::EncodeBody(call.protocol, *output)), call.protocol,
                         context.request_id);
}

}  // namespace millrace::controlplane
