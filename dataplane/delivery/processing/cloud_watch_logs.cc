#include "common/json/value.h"
#include "dataplane/delivery/formats/deflate.h"
#include "dataplane/delivery/processing/processors.h"
#include "dataplane/delivery/processing/record_failure.h"

namespace millrace::delivery {

namespace {

// What one record may grow to.
constexpr size_t kDecompressedBytesMax = 64 << 20;

class Decompression final : public Processor {
 public:
  explicit Decompression(const Clock& clock) : clock_(clock) {}
  Status Process(Batch& batch) override {
    std::vector<Record> out;
    for (Record record : batch.records) {
      auto text = Gunzip(record.data, kDecompressedBytesMax);
      if (!text.ok()) {
        FailRecord(batch, record, "Decompression.InvalidData", text.status().message(),
                   clock_.WallNow());
        continue;
      }
      record.data = batch.Keep(std::move(*text));
      out.push_back(record);
    }
    batch.records = std::move(out);
    return OkStatus();
  }

 private:
  const Clock& clock_;
};

// Subscription data as CloudWatch Logs sends it:
// {"messageType":"DATA_MESSAGE","owner":…,"logGroup":…,"logEvents":[{"id":…,"timestamp":…,"message":…}]}.
class CloudWatchLogs final : public Processor {
 public:
  CloudWatchLogs(bool extract_messages, const Clock& clock)
      : extract_messages_(extract_messages), clock_(clock) {}

  Status Process(Batch& batch) override {
    std::vector<Record> out;
    const std::vector<Record> in = std::move(batch.records);
    for (const Record& record : in) {
      auto document = json::ParseJson(record.data);
      const json::Value* type = document.ok() ? document->Find("messageType") : nullptr;
      const json::Value* events = document.ok() ? document->Find("logEvents") : nullptr;
      if (!type || !events || !events->is_array()) {
        FailRecord(batch, record, "CloudWatchLogProcessing.InvalidData",
                   "the record is no subscription data of CloudWatch Logs", clock_.WallNow());
        continue;
      }
      // Sent to see whether we are there.
      if (type->AsString() == "CONTROL_MESSAGE") continue;
      if (extract_messages_)
        AddMessages(batch, record, *events, out);
      else
        out.push_back(record);
    }
    batch.records = std::move(out);
    return OkStatus();
  }

 private:
  static void AddMessages(Batch& batch, const Record& record, const json::Value& events,
                          std::vector<Record>& out) {
    uint64_t index = 0;
    for (const json::Value& event : events.AsArray()) {
      const json::Value* message = event.Find("message");
      Record one = record;
      one.data = batch.Keep(message ? message->AsString() : std::string());
      one.origin.sub_sequence_number = index++;
      out.push_back(one);
    }
  }

  const bool extract_messages_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Processor> MakeDecompression(const Clock& clock) {
  return std::make_unique<Decompression>(clock);
}

std::unique_ptr<Processor> MakeCloudWatchLogs(bool extract_messages, const Clock& clock) {
  return std::make_unique<CloudWatchLogs>(extract_messages, clock);
}

}  // namespace millrace::delivery
