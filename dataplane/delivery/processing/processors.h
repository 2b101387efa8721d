#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/delivery/delivery_stream_resource.h"
#include "common/http_client/http_client.h"
#include "dataplane/delivery/model/processor.h"

namespace millrace::delivery {

// What a function is told of the delivery stream that calls it.
struct ProcessorContext {
  std::string delivery_stream_arn;
  std::string region;
  std::string source_stream_arn;  // "": Direct PUT
};

// The processors of a delivery stream in Firehose's order, whatever order the resource has:
// aggregated records of the KPL are always taken apart first; then Decompression,
// CloudWatchLogProcessing, RecordDeAggregation, Lambda, MetadataExtraction,
// AppendDelimiterToRecord. One feed's; InvalidArgument names the processor and the parameter that
// is wrong.
Result<std::vector<std::unique_ptr<Processor>>> MakeProcessors(
    const std::vector<resources::DeliveryProcessor>& specs, const ProcessorContext& context,
    const Clock& clock);

// Each alone.
std::unique_ptr<Processor> MakeKplDeaggregation();
std::unique_ptr<Processor> MakeDecompression(const Clock& clock);
// Log events of CloudWatch Logs subscriptions, `extract_messages`: their messages alone.
std::unique_ptr<Processor> MakeCloudWatchLogs(bool extract_messages, const Clock& clock);
std::unique_ptr<Processor> MakeJsonDeaggregation(const Clock& clock);
std::unique_ptr<Processor> MakeDelimitedDeaggregation(std::string delimiter);
// Partition keys by a query of jq 1.6 whose outcome is an object of texts, numbers and truths.
// InvalidArgument with jq's own words where it is none.
Result<std::unique_ptr<Processor>> MakeMetadataExtraction(const std::string& query,
                                                          const Clock& clock);
struct LambdaOptions {
  std::string function;  // an http(s) address, called as Lambda's Invoke
  std::string delivery_stream_arn;
  std::string region;
  std::string source_stream_arn{};
  size_t bytes_max = size_t{1} << 20;  // of data in one call
  int retries = 3;
  net::HttpClientOptions http{};
};
// Firehose's data transformation: request and response of a Lambda function behind an HTTP address.
// A call that fails (no answer in 5 minutes, another status than 200, X-Amz-Function-Error, no
// JSON) fails the batch for the engine to try again, at most `retries` times; then its records are
// "processing-failed". A call that was answered is not made again for the same batch.
// https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
Result<std::unique_ptr<Processor>> MakeLambdaTransform(LambdaOptions options, const Clock& clock);
std::unique_ptr<Processor> MakeAppendDelimiter(std::string delimiter);

}  // namespace millrace::delivery
