#include "dataplane/kinesis/put_records_scanner.h"

#include <algorithm>

#include "dataplane/kinesis/cbor_put_reader.h"
#include "dataplane/kinesis/json_put_reader.h"

namespace millrace::kinesis {

namespace {

// The constraints of the service model.
constexpr size_t kRecordsMax = 500;
constexpr size_t kDataBytesMax = 10'485'760;
constexpr size_t kStreamNameCharsMax = 128;
constexpr size_t kStreamArnCharsMax = 2'048;
constexpr size_t kHashKeyDigitsMax = 39;
constexpr size_t kSequenceNumberDigitsMax = 129;
// Chars in the model; as bytes it is stricter for a key that is not ASCII, which is unusual then.
constexpr size_t kPartitionKeyBytesMax = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '_' || c == '.' ||
         c == '-';
}
bool IsLowerPart(char c) { return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-'; }

bool IsStreamName(std::string_view text) {
  return !text.empty() && text.size() <= kStreamNameCharsMax &&
         std::ranges::all_of(text, IsNameChar);
}

// A decimal number without leading zeros.
bool IsNumber(std::string_view text, size_t digits_max) {
  return !text.empty() && text.size() <= digits_max && std::ranges::all_of(text, IsDigit) &&
         (text[0] != '0' || text.size() == 1);
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}
void SkipWhile(std::string_view& text, bool (*accepted)(char)) {
  while (!text.empty() && accepted(text[0])) text.remove_prefix(1);
}

// The ARNs that AWS and we ourselves hand out; the model's pattern
// (arn:aws.*:kinesis:.*:\d{12}:stream/\S+) takes these and more.
bool IsStreamArn(std::string_view text) {
  if (text.size() > kStreamArnCharsMax || !TakePrefix(text, "arn:aws")) return false;
  SkipWhile(text, IsLowerPart);
  if (!TakePrefix(text, ":kinesis:")) return false;
  SkipWhile(text, IsLowerPart);
  if (!TakePrefix(text, ":")) return false;
  constexpr size_t kAccountDigits = 12;
  size_t before = text.size();
  SkipWhile(text, IsDigit);
  return before - text.size() == kAccountDigits && TakePrefix(text, ":stream/") &&
         IsStreamName(text);
}

// The grammar of both bodies over either reader.
template <typename Reader>
class PutScan {
 public:
  PutScan(std::string_view body, ScannedPut& put) : reader_(body), put_(put) {
    put_.stream_name = {};
    put_.stream_arn = {};
    put_.sequence_number_for_ordering = {};
    put_.records.clear();
  }

  bool PutRecords() {
    bool scanned = Map([this](std::string_view name) {
      if (Is(name, "Records")) return put_.records.empty() && Records();
      return StreamMember(name);
    });
    return scanned && reader_.AtEnd() && !put_.records.empty() && HasStream();
  }

  bool PutRecord() {
    ScannedRecord& record = put_.records.emplace_back();
    bool has_data = false;
    bool scanned = Map([&](std::string_view name) {
      if (Is(name, "SequenceNumberForOrdering")) {
        return OnlyText(put_.sequence_number_for_ordering) &&
               IsNumber(put_.sequence_number_for_ordering, kSequenceNumberDigitsMax);
      }
      return RecordMember(name, record, has_data) || StreamMember(name);
    });
    return scanned && reader_.AtEnd() && has_data && !record.partition_key.empty() && HasStream();
  }

 private:
  template <typename ReadMember>
  bool Map(const ReadMember& read_member) {
    typename Reader::Level level;
    if (!reader_.BeginMap(level)) return false;
    std::string_view name;
    Step step = reader_.NextName(level, name);
    for (; step == Step::kItem; step = reader_.NextName(level, name)) {
      if (!read_member(name)) return false;
    }
    return step == Step::kEnd;
  }

  bool Records() {
    typename Reader::Level level;
    if (!reader_.BeginArray(level)) return false;
    Step step = reader_.NextElement(level);
    for (; step == Step::kItem; step = reader_.NextElement(level)) {
      if (put_.records.size() == kRecordsMax || !Record()) return false;
    }
    return step == Step::kEnd && !put_.records.empty();
  }

  bool Record() {
    ScannedRecord& record = put_.records.emplace_back();
    bool has_data = false;
    bool scanned = Map([&](std::string_view name) { return RecordMember(name, record, has_data); });
    return scanned && has_data && !record.partition_key.empty();
  }

  bool RecordMember(std::string_view name, ScannedRecord& record, bool& has_data) {
    if (Is(name, "Data")) {
      ScannedBlob blob;
      if (has_data || !reader_.Blob(blob) || blob.size > kDataBytesMax) return false;
      has_data = true;
      record.data = blob.view;
      record.data_size = blob.size;
      return true;
    }
    if (Is(name, "PartitionKey")) {
      return OnlyText(record.partition_key) && record.partition_key.size() <= kPartitionKeyBytesMax;
    }
    return Is(name, "ExplicitHashKey") && OnlyText(record.explicit_hash_key) &&
           IsNumber(record.explicit_hash_key, kHashKeyDigitsMax);
  }

  bool StreamMember(std::string_view name) {
    if (Is(name, "StreamName")) return OnlyText(put_.stream_name) && IsStreamName(put_.stream_name);
    return Is(name, "StreamARN") && OnlyText(put_.stream_arn) && IsStreamArn(put_.stream_arn);
  }

  // A text that is not empty, into a view that is: a member that stands twice is unusual.
  bool OnlyText(std::string_view& text) {
    return text.empty() && reader_.Text(text) && !text.empty();
  }

  bool HasStream() const { return !put_.stream_name.empty() || !put_.stream_arn.empty(); }

  Reader reader_;
  ScannedPut& put_;
};

}  // namespace

bool ScanPutRecords(aws::Protocol protocol, std::string_view body, ScannedPut& put) {
  if (protocol == aws::Protocol::kCbor) return PutScan<CborPutReader>(body, put).PutRecords();
  return PutScan<JsonPutReader>(body, put).PutRecords();
}

bool ScanPutRecord(aws::Protocol protocol, std::string_view body, ScannedPut& put) {
  if (protocol == aws::Protocol::kCbor) return PutScan<CborPutReader>(body, put).PutRecord();
  return PutScan<JsonPutReader>(body, put).PutRecord();
}

}  // namespace millrace::kinesis
