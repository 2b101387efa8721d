#include "dataplane/delivery/processing/processors.h"

#include "common/base/bytes.h"
#include "common/codec/base64.h"

namespace millrace::delivery {

namespace {

// "\n" and "\t" as people write them in parameters.
std::string Unescaped(std::string text) {
  for (const auto& [from, to] :
       {std::pair("\\n", "\n"), std::pair("\\t", "\t"), std::pair("\\r", "\r")})
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; ++at)
      text.replace(at, 2, to);
  return text;
}

Result<std::unique_ptr<Processor>> MakeDeaggregation(const resources::DeliveryProcessor& spec,
                                                     const Clock& clock) {
  if (spec.Parameter("SubRecordType") == "JSON") return MakeJsonDeaggregation(clock);
  const auto delimiter = codec::Base64Decode(spec.Parameter("Delimiter"));
  if (!delimiter || delimiter->empty())
    return InvalidArgument("RecordDeAggregation: Delimiter is to be base64 of one byte or more");
  return MakeDelimitedDeaggregation(*delimiter);
}

Result<std::unique_ptr<Processor>> MakeLambda(const resources::DeliveryProcessor& spec,
                                              const ProcessorContext& context, const Clock& clock) {
  return MakeLambdaTransform(
      {.function = spec.Parameter("LambdaArn"),
       .delivery_stream_arn = context.delivery_stream_arn,
       .region = context.region,
       .source_stream_arn = context.source_stream_arn,
       .bytes_max = static_cast<size_t>(std::stod(spec.Parameter("BufferSizeInMBs", "1")) * kMiB),
       .retries = std::stoi(spec.Parameter("NumberOfRetries", "3"))},
      clock);
}

Result<std::unique_ptr<Processor>> MakeOne(const resources::DeliveryProcessor& spec,
                                           const ProcessorContext& context, const Clock& clock) {
  if (spec.type == "Decompression") return MakeDecompression(clock);
  if (spec.type == "CloudWatchLogProcessing")
    return MakeCloudWatchLogs(spec.Parameter("DataMessageExtraction", "false") == "true", clock);
  if (spec.type == "RecordDeAggregation") return MakeDeaggregation(spec, clock);
  if (spec.type == "Lambda") return MakeLambda(spec, context, clock);
  if (spec.type == "MetadataExtraction")
    return MakeMetadataExtraction(spec.Parameter("MetadataExtractionQuery"), clock);
  if (spec.type == "AppendDelimiterToRecord")
    return MakeAppendDelimiter(Unescaped(spec.Parameter("Delimiter", "\n")));
  return Status(Code::kUnsupported, "processor " + spec.type + " is not offered yet");
}

}  // namespace

Result<std::vector<std::unique_ptr<Processor>>> MakeProcessors(
    const std::vector<resources::DeliveryProcessor>& specs, const ProcessorContext& context,
    const Clock& clock) {
  std::vector<std::unique_ptr<Processor>> out;
  out.push_back(MakeKplDeaggregation());
  for (const char* type : {"Decompression", "CloudWatchLogProcessing", "RecordDeAggregation",
                           "Lambda", "MetadataExtraction", "AppendDelimiterToRecord"})
    for (const resources::DeliveryProcessor& spec : specs) {
      if (spec.type != type) continue;
      ASSIGN_OR_RETURN(auto processor, MakeOne(spec, context, clock));
      out.push_back(std::move(processor));
    }
  return out;
}

}  // namespace millrace::delivery
