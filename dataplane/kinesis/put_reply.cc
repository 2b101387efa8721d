#include "dataplane/kinesis/put_reply.h"

#include <algorithm>
#include <cstring>

#include "common/json/value.h"
#include "dataplane/kinesis/output_buffer.h"
#include "dataplane/kinesis/stream_lookup.h"

namespace millrace::kinesis {

using aws::Protocol;
using resources::SequenceNumberFormatter;

namespace {

constexpr size_t kDigits = SequenceNumberFormatter::kDigits;
constexpr size_t kEntryBytes = 128;

std::string_view TypeName(bool encrypted) { return encrypted ? "KMS" : "NONE"; }

SequenceNumberFormatter NumbersOf(const PutBatch& batch) {
  return {batch.shard->open_epoch(), batch.shard->index(), batch.first_index + 1,
          batch.arrival_ms / 1000};
}

struct EntryError {
  std::string_view code;
  std::string message;
};

EntryError ErrorOf(const PutBatch& batch) {
  const Code code = batch.status.code();
  if ((code == Code::kThrottled || code == Code::kNoSpace) && batch.shard != nullptr) {
    const Status exceeded = RateExceeded(*batch.stream, *batch.shard);
    exceeded.IgnoreError();  // its words only
    return {"ProvisionedThroughputExceededException", exceeded.message()};
  }
  return {"InternalFailure", "Internal Service Failure"};
}

// How one entry of each kind looks in one protocol.
class JsonEntries {
 public:
  explicit JsonEntries(OutputBuffer& out) : out_(out) {}
  void Head(size_t failed, size_t) {
    out_.Append("{\"FailedRecordCount\":");
    out_.AppendNumber(static_cast<int64_t>(failed));
    out_.Append(",\"Records\":[");
  }
  // What follows the sequence number in every entry of that shard.
  static std::string NumberEnd(std::string_view shard_id) {
    return "\",\"ShardId\":\"" + std::string(shard_id) + "\"}";
  }
  void Number(SequenceNumberFormatter& numbers, std::string_view end) {
    Separate();
    out_.Append("{\"SequenceNumber\":\"");
    numbers.Next(reinterpret_cast<char*>(out_.Room(kDigits)));
    out_.Advance(kDigits);
    out_.Append(end);
  }
  void Error(const EntryError& error) {
    Separate();
    std::string text = "{\"ErrorCode\":\"" + std::string(error.code) + "\",\"ErrorMessage\":";
    json::AppendJsonString(text, error.message);
    out_.Append(text + "}");
  }
  void Tail(bool encrypted) {
    out_.Append("],\"EncryptionType\":\"");
    out_.Append(TypeName(encrypted));
    out_.Append("\"}");
  }

 private:
  void Separate() {
    if (!first_) out_.Append(",");
    first_ = false;
  }
  OutputBuffer& out_;
  bool first_ = true;
};

class CborEntries {
 public:
  explicit CborEntries(OutputBuffer& out) : out_(out) {
    aws::AppendCborHead(number_begin_, 5, 2);
    aws::AppendCborText(number_begin_, "SequenceNumber");
    aws::AppendCborHead(number_begin_, 3, kDigits);
  }
  void Head(size_t failed, size_t count) {
    std::string head;
    aws::AppendCborHead(head, 5, 3);
    aws::AppendCborText(head, "FailedRecordCount");
    aws::AppendCborHead(head, 0, failed);
    aws::AppendCborText(head, "Records");
    aws::AppendCborHead(head, 4, count);
    out_.Append(head);
  }
  static std::string NumberEnd(std::string_view shard_id) {
    std::string end;
    aws::AppendCborText(end, "ShardId");
    aws::AppendCborText(end, shard_id);
    return end;
  }
  void Number(SequenceNumberFormatter& numbers, std::string_view end) {
    uint8_t* at = out_.Room(number_begin_.size() + kDigits + end.size());
    std::memcpy(at, number_begin_.data(), number_begin_.size());
    at += number_begin_.size();
    numbers.Next(reinterpret_cast<char*>(at));
    std::memcpy(at + kDigits, end.data(), end.size());
    out_.Advance(number_begin_.size() + kDigits + end.size());
  }
  void Error(const EntryError& error) {
    std::string text;
    aws::AppendCborHead(text, 5, 2);
    aws::AppendCborText(text, "ErrorCode");
    aws::AppendCborText(text, error.code);
    aws::AppendCborText(text, "ErrorMessage");
    aws::AppendCborText(text, error.message);
    out_.Append(text);
  }
  void Tail(bool encrypted) {
    std::string tail;
    aws::AppendCborText(tail, "EncryptionType");
    aws::AppendCborText(tail, TypeName(encrypted));
    out_.Append(tail);
  }

 private:
  OutputBuffer& out_;
  std::string number_begin_;
};

template <typename Entries>
void WriteEntries(const std::vector<uint32_t>& batch_of, const std::vector<PutBatch>& batches,
                  bool encrypted, Entries entries) {
  std::vector<SequenceNumberFormatter> numbers;
  std::vector<std::string> ends;
  numbers.reserve(batches.size());
  ends.reserve(batches.size());
  for (const PutBatch& batch : batches) {
    const bool ok = batch.status.ok();
    numbers.push_back(ok ? NumbersOf(batch) : SequenceNumberFormatter(0, 0, 0, 0));
    ends.push_back(ok ? Entries::NumberEnd(batch.shard->id) : std::string());
  }
  const auto failed = static_cast<size_t>(std::count_if(
      batch_of.begin(), batch_of.end(), [&](uint32_t i) { return !batches[i].status.ok(); }));
  entries.Head(failed, batch_of.size());
  for (const uint32_t i : batch_of) {
    if (batches[i].status.ok()) {
      entries.Number(numbers[i], ends[i]);
    } else {
      entries.Error(ErrorOf(batches[i]));
    }
  }
  entries.Tail(encrypted);
}

}  // namespace

Slice EncodePutRecordReply(Protocol protocol, const PutBatch& batch, bool encrypted) {
  char number[kDigits];
  NumbersOf(batch).Next(number);
  const std::string_view digits(number, kDigits);
  std::string out;
  out.reserve(2 * kEntryBytes);
  if (protocol == Protocol::kJson) {
    out.append("{\"ShardId\":\"")
        .append(batch.shard->id)
        .append("\",\"SequenceNumber\":\"")
        .append(digits);
    out.append("\",\"EncryptionType\":\"").append(TypeName(encrypted)).append("\"}");
    return Slice::FromString(std::move(out));
  }
  aws::AppendCborHead(out, 5, 3);
  aws::AppendCborText(out, "ShardId");
  aws::AppendCborText(out, batch.shard->id);
  aws::AppendCborText(out, "SequenceNumber");
  aws::AppendCborText(out, digits);
  aws::AppendCborText(out, "EncryptionType");
  aws::AppendCborText(out, TypeName(encrypted));
  return Slice::FromString(std::move(out));
}

Slice EncodePutRecordsReply(Protocol protocol, const std::vector<uint32_t>& batch_of,
                            const std::vector<PutBatch>& batches, bool encrypted) {
  OutputBuffer out(kEntryBytes * (batch_of.size() + 2));
  if (protocol == Protocol::kJson) {
    WriteEntries(batch_of, batches, encrypted, JsonEntries(out));
  } else {
    WriteEntries(batch_of, batches, encrypted, CborEntries(out));
  }
  return out.Take();
}

}  // namespace millrace::kinesis
