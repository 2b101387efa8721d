#include "common/aws_framing/kpl_aggregate.h"
#include "dataplane/delivery/processing/processors.h"
#include "dataplane/delivery/processing/record_failure.h"

namespace millrace::delivery {

namespace {

// What one aggregated record may hold (Firehose's own bound).
constexpr size_t kSubRecordsMax = 500;

class KplDeaggregation final : public Processor {
 public:
  Status Process(Batch& batch) override {
    std::vector<Record> out;
    out.reserve(batch.records.size());
    for (const Record& record : batch.records) {
      auto inner = aws::LooksKplAggregated(record.data)
                       ? aws::DecodeKplAggregate(record.data)
                       : Result<std::vector<aws::KplUserRecord>>(Corrupt("not aggregated"));
      if (!inner.ok()) {
        out.push_back(record);
        continue;
      }
      uint64_t index = 0;
      for (const aws::KplUserRecord& each : *inner) {
        Record user = record;
        user.data = each.data;
        user.origin.partition_key = each.partition_key;
        user.origin.sub_sequence_number = index++;
        out.push_back(user);
      }
    }
    batch.records = std::move(out);
    return OkStatus();
  }
};

// The JSON values that stand one after the other in `text`, white space between them; empty where
// it is something else. Only brackets and strings are looked at.
std::vector<std::string_view> SplitJson(std::string_view text) {
  std::vector<std::string_view> out;
  size_t begin = 0, depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      if (depth == 0) return {};
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (depth++ == 0) begin = i;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return {};
      if (--depth == 0) out.push_back(text.substr(begin, i + 1 - begin));
    } else if (depth == 0 && c != ' ' && c != '\n' && c != '\r' && c != '\t') {
      return {};
    }
  }
  if (depth != 0 || in_string) return {};
  return out;
}

std::vector<std::string_view> SplitDelimited(std::string_view text, std::string_view delimiter) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = text.find(delimiter);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + delimiter.size());
  }
  std::erase(out, std::string_view());
  return out;
}

void AddParts(const Record& record, const std::vector<std::string_view>& parts,
              std::vector<Record>& out) {
  uint64_t index = 0;
  for (const std::string_view part : parts) {
    Record one = record;
    one.data = part;
    one.origin.sub_sequence_number = index++;
    out.push_back(one);
  }
}

class JsonDeaggregation final : public Processor {
 public:
  explicit JsonDeaggregation(const Clock& clock) : clock_(clock) {}
  Status Process(Batch& batch) override {
    std::vector<Record> out;
    for (const Record& record : batch.records) {
      const auto parts = SplitJson(record.data);
      if (parts.empty())
        FailRecord(batch, record, "RecordDeAggregation.InvalidJson",
                   "the record is no row of JSON objects", clock_.WallNow());
      else if (parts.size() > kSubRecordsMax)
        FailRecord(batch, record, "RecordDeAggregation.TooManyRecords",
                   "an aggregated record has at most 500 records", clock_.WallNow());
      else
        AddParts(record, parts, out);
    }
    batch.records = std::move(out);
    return OkStatus();
  }

 private:
  const Clock& clock_;
};

class DelimitedDeaggregation final : public Processor {
 public:
  explicit DelimitedDeaggregation(std::string delimiter) : delimiter_(std::move(delimiter)) {}
  Status Process(Batch& batch) override {
    std::vector<Record> out;
    for (const Record& record : batch.records)
      AddParts(record, SplitDelimited(record.data, delimiter_), out);
    batch.records = std::move(out);
    return OkStatus();
  }

 private:
  const std::string delimiter_;
};

class AppendDelimiter final : public Processor {
 public:
  explicit AppendDelimiter(std::string delimiter) : delimiter_(std::move(delimiter)) {}
  // One text for all, so that a batch costs one allocation.
  Status Process(Batch& batch) override {
    size_t size = 0;
    for (const Record& record : batch.records) size += record.data.size() + delimiter_.size();
    std::string all;
    all.reserve(size);
    for (const Record& record : batch.records) {
      all += record.data;
      all += delimiter_;
    }
    std::string_view left = batch.Keep(std::move(all));
    for (Record& record : batch.records) {
      const size_t whole = record.data.size() + delimiter_.size();
      record.data = left.substr(0, whole);
      left.remove_prefix(whole);
    }
    return OkStatus();
  }

 private:
  const std::string delimiter_;
};

}  // namespace

std::unique_ptr<Processor> MakeKplDeaggregation() { return std::make_unique<KplDeaggregation>(); }

std::unique_ptr<Processor> MakeJsonDeaggregation(const Clock& clock) {
  return std::make_unique<JsonDeaggregation>(clock);
}

std::unique_ptr<Processor> MakeDelimitedDeaggregation(std::string delimiter) {
  return std::make_unique<DelimitedDeaggregation>(std::move(delimiter));
}

std::unique_ptr<Processor> MakeAppendDelimiter(std::string delimiter) {
  return std::make_unique<AppendDelimiter>(std::move(delimiter));
}

}  // namespace millrace::delivery
