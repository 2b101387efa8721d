#include "dataplane/kinesis/record_encoder.h"

#include <algorithm>
#include <array>

#include "common/codec/base64.h"
#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/format/record_format.h"

namespace millrace::kinesis {

using aws::Protocol;
using resources::SequenceNumberFormatter;
using shard::Position;
using shard::RecordRun;
using shard::ShardRef;
using storage::RecordView;

namespace {

constexpr size_t kDigits = SequenceNumberFormatter::kDigits;

// JSON's "1763700000.123" and CBOR's tag 1 with milliseconds: the same for all records of a chunk.
std::string ArrivalText(Protocol protocol, WallMs ms) {
  std::string text;
  if (protocol == Protocol::kCbor) {
    aws::AppendCborTimestamp(text, ms);
    return text;
  }
  text = std::to_string(ms / 1000);
  const auto rest = static_cast<int>(ms % 1000);
  if (rest == 0) return text;
  text += {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
           static_cast<char>('0' + rest % 10)};
  return text;
}

bool NeedsEscapes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\' || c == 0x7f;
  });
}

void AppendJsonText(std::string_view text, OutputBuffer& out) {
  if (NeedsEscapes(text)) {
    std::string escaped;
    json::AppendJsonString(escaped, text);
    return out.Append(escaped);
  }
  out.Append("\"");
  out.Append(text);
  out.Append("\"");
}

// The begin and the end that records of one run share.
struct RunText {
  std::string after_number;  // from the end of SequenceNumber to the begin of Data
  std::string end;           // after PartitionKey
};

RunText TextOf(Protocol protocol, const ShardRef& at, const RecordRun& run) {
  const bool encrypted =
      std::any_of(at.shard->chain().begin(), at.shard->chain().end(),
                  [&](const auto& e) { return e.epoch == run.epoch && e.encrypted; });
  const std::string_view type = encrypted ? "KMS" : "NONE";
  RunText text;
  if (protocol == Protocol::kJson) {
    text.after_number =
        "\",\"ApproximateArrivalTimestamp\":" + ArrivalText(protocol, run.chunk.arrival_ms) +
        ",\"Data\":\"";
    text.end = ",\"EncryptionType\":\"" + std::string(type) + "\"}";
    return text;
  }
  aws::AppendCborText(text.after_number, "ApproximateArrivalTimestamp");
  text.after_number += ArrivalText(protocol, run.chunk.arrival_ms);
  aws::AppendCborText(text.after_number, "Data");
  aws::AppendCborText(text.end, "EncryptionType");
  aws::AppendCborText(text.end, type);
  return text;
}

void WriteJson(const RecordView& record, const RunText& text, SequenceNumberFormatter& numbers,
               OutputBuffer& out) {
  out.Append("{\"SequenceNumber\":\"");
  numbers.Next(reinterpret_cast<char*>(out.Room(kDigits)));
  out.Advance(kDigits);
  out.Append(text.after_number);
  char* at = reinterpret_cast<char*>(out.Room(codec::Base64EncodedSize(record.data.size())));
  out.Advance(codec::Base64Encode(reinterpret_cast<const uint8_t*>(record.data.data()),
                                  record.data.size(), at));
  out.Append("\",\"PartitionKey\":");
  AppendJsonText(record.key, out);
  out.Append(text.end);
}

void WriteCborHead(uint8_t major, uint64_t size, OutputBuffer& out) {
  std::string head;  // at most nine bytes: stays in the string itself
  aws::AppendCborHead(head, major, size);
  out.Append(head);
}

void WriteCbor(const RecordView& record, const RunText& text, SequenceNumberFormatter& numbers,
               OutputBuffer& out) {
  // map(5), "SequenceNumber", text(56)
  static const std::string kBegin = [] {
    std::string begin;
    aws::AppendCborHead(begin, 5, 5);
    aws::AppendCborText(begin, "SequenceNumber");
    aws::AppendCborHead(begin, 3, kDigits);
    return begin;
  }();
  static const std::string kKey = [] {
    std::string key;
    aws::AppendCborText(key, "PartitionKey");
    return key;
  }();
  out.Append(kBegin);
  numbers.Next(reinterpret_cast<char*>(out.Room(kDigits)));
  out.Advance(kDigits);
  out.Append(text.after_number);
  WriteCborHead(2, record.data.size(), out);
  out.Append(record.data);
  out.Append(kKey);
  WriteCborHead(3, record.key.size(), out);
  out.Append(record.key);
  out.Append(text.end);
}

// Writes the records of one run from `index` on; false when a limit was reached.
bool EncodeRun(Protocol protocol, const ShardRef& at, const RecordRun& run, uint64_t index,
               const RecordLimits& limits, EncodedRecords& result, OutputBuffer& out) {
  const RunText text = TextOf(protocol, at, run);
  SequenceNumberFormatter numbers(run.epoch, at.shard->index(), index + 1,
                                  run.chunk.arrival_ms / 1000);
  const uint64_t end = run.chunk.first_index + run.chunk.count;
  storage::RecordReader reader(run.chunk.records);
  for (uint64_t i = run.chunk.first_index; i < index; ++i) (void)reader.Next(false);
  for (; index < end; ++index) {
    const std::optional<RecordView> record = reader.Next();
    if (!record) {
      log::Error("record with a wrong checksum in memory, not served",
                 {{"stream", at.stream->name()},
                  {"shard", at.shard->id},
                  {"epoch", run.epoch},
                  {"index", index}});
      break;
    }
    const uint64_t bytes = record->key.size() + record->data.size();
    if (result.records > 0 &&
        (result.records >= limits.records_max || result.bytes + bytes > limits.bytes_max)) {
      result.next = {run.epoch, index};
      result.cut = true;
      return false;
    }
    if (protocol == Protocol::kJson && result.records > 0) out.Append(",");
    (protocol == Protocol::kJson ? WriteJson : WriteCbor)(*record, text, numbers, out);
    ++result.records;
    result.bytes += bytes;
    result.last_arrival_ms = run.chunk.arrival_ms;
  }
  result.next = {run.epoch, end};
  return true;
}

}  // namespace

size_t EncodedSizeHint(Protocol protocol, std::span<const RecordRun> runs, uint64_t bytes_max) {
  constexpr size_t kPerRecord = 176;  // names, sequence number, arrival
  size_t bytes = 0;
  size_t records = 0;
  for (const RecordRun& run : runs) {
    bytes += run.chunk.records.size();
    records += run.chunk.count;
    if (bytes >= bytes_max) break;
  }
  return (protocol == Protocol::kJson ? bytes / 3 * 4 : bytes) + kPerRecord * records + 512;
}

EncodedRecords EncodeRecords(Protocol protocol, const ShardRef& at, std::span<const RecordRun> runs,
                             Position from, const RecordLimits& limits, OutputBuffer& out) {
  EncodedRecords result;
  result.next = from;
  const size_t begin = out.size();
  // An array with a 16-bit count, known at the end.
  out.Append(protocol == Protocol::kJson ? std::string_view("[") : std::string_view("\x99\0\0", 3));
  for (const RecordRun& run : runs) {
    const uint64_t end = run.chunk.first_index + run.chunk.count;
    if (Position{run.epoch, end} <= result.next) continue;
    const uint64_t index = run.epoch == result.next.epoch
                               ? std::max(result.next.index, run.from_index)
                               : run.from_index;
    if (!EncodeRun(protocol, at, run, index, limits, result, out)) break;
  }
  if (protocol == Protocol::kJson) {
    out.Append("]");
  } else {
    out.data()[begin + 1] = static_cast<uint8_t>(result.records >> 8);
    out.data()[begin + 2] = static_cast<uint8_t>(result.records);
  }
  return result;
}

std::string SequenceNumberAt(const ShardRef& at, Position position, WallMs arrival_ms) {
  return resources::SequenceNumber{position.epoch, at.shard->index(), position.index,
                                   arrival_ms / 1000}
      .ToDecimal();
}

int64_t MillisBehind(const EncodedRecords& encoded, bool at_tip, WallMs now) {
  if (at_tip && !encoded.cut) return 0;
  // Something follows, so the reader is behind, if only within the same millisecond.
  return std::max<int64_t>(1, now - encoded.last_arrival_ms);
}

json::Value ChildShards(const ShardRef& at) {
  json::Array children;
  for (const uint32_t index : at.shard->children) {
    const shard::ShardView* child = at.stream->Find(index);
    if (child == nullptr) continue;
    json::Array parents;
    for (const auto& parent : {child->map->parent, child->map->adjacent_parent}) {
      if (parent) parents.emplace_back(resources::ShardIdName(*parent));
    }
    children.push_back(json::Object{
        {"ShardId", child->id},
        {"ParentShards", std::move(parents)},
        {"HashKeyRange", json::Object{{"StartingHashKey", child->map->start.ToDecimal()},
                                      {"EndingHashKey", child->map->end.ToDecimal()}}}});
  }
  return children;
}

}  // namespace millrace::kinesis
