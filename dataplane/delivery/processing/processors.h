#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/delivery/delivery_stream_resource.h"
#include "dataplane/delivery/model/processor.h"

namespace millrace::delivery {

// The processors of a delivery stream in Firehose's order, whatever order the resource has:
// aggregated records of the KPL are always taken apart first; then Decompression,
// CloudWatchLogProcessing, RecordDeAggregation, Lambda, MetadataExtraction,
// AppendDelimiterToRecord. One feed's; InvalidArgument names the processor and the parameter that
// is wrong.
Result<std::vector<std::unique_ptr<Processor>>> MakeProcessors(
    const std::vector<resources::DeliveryProcessor>& specs, const Clock& clock);

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
std::unique_ptr<Processor> MakeAppendDelimiter(std::string delimiter);

}  // namespace millrace::delivery
