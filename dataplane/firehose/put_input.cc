#include "dataplane/firehose/put_input.h"

#include <utility>

#include "common/aws/protocol.h"
#include "common/aws/validation.h"
#include "common/base/bytes.h"
#include "common/delivery/delivery_stream_resource.h"

namespace millrace::firehose {

using aws::Member;
using aws::Shape;
using aws::Type;

namespace {

constexpr int64_t kRecordBytesMax = 1000 * static_cast<int64_t>(kKiB);
constexpr size_t kBatchBytesMax = 4 * kMiB;
constexpr int64_t kBatchRecordsMax = 500;
constexpr size_t kBytesTogether = 256 * kKiB;

Member Required(std::string_view name, Type type) {
  Member member;
  member.name = name;
  member.type = type;
  member.required = true;
  return member;
}

Shape RecordShape() {
  Member data = Required("Data", Type::kBlob);
  data.min = 0;
  data.max = kRecordBytesMax;
  return {data};
}

Shape MakeShape(bool single) {
  Member name = Required("DeliveryStreamName", Type::kString);
  name.min = 1;
  name.max = 64;
  name.pattern = "[a-zA-Z0-9_.-]+";
  if (single) {
    Member record = Required("Record", Type::kStructure);
    record.members = RecordShape();
    return {name, record};
  }
  Member element;
  element.name = "member";
  element.type = Type::kStructure;
  element.members = RecordShape();
  Member records = Required("Records", Type::kList);
  records.min = 1;
  records.max = kBatchRecordsMax;
  records.members = {element};
  return {name, records};
}

const Shape& ShapeOfPut(bool single) {
  static const auto* const one = new Shape(MakeShape(true));
  static const auto* const many = new Shape(MakeShape(false));
  return single ? *one : *many;
}

std::string NewKey(Random& random) {
  constexpr std::string_view kHex = "0123456789abcdef";
  uint64_t bits = random.Next();
  std::string key(16, '0');
  for (char& c : key) {
    c = kHex[bits & 15];
    bits >>= 4;
  }
  return key;
}

}  // namespace

std::optional<PutInput> ReadPut(kinesis::Call& call, bool single) {
  Result<json::Value> input = aws::DecodeBody(call.protocol, call.request.body.view());
  if (!input.ok()) {
    call.Fail(aws::NamedError(400, "SerializationException", input.status().message()));
    return std::nullopt;
  }
  if (const auto error = aws::ValidateInput(ShapeOfPut(single), call.protocol, *input)) {
    call.Fail(*error);
    return std::nullopt;
  }
  const json::Value& said = *input;
  PutInput put;
  put.delivery_stream = said["DeliveryStreamName"].AsString();
  if (single) {
    put.records.push_back(said.At("Record", "Data").AsBlob());
    return put;
  }
  size_t bytes = 0;
  for (const json::Value& entry : said["Records"].AsArray()) {
    put.records.push_back(entry["Data"].AsBlob());
    bytes += put.records.back().size();
  }
  if (bytes > kBatchBytesMax) {
    call.Fail(InvalidArgument("Records size exceeds 4 MB limit"));
    return std::nullopt;
  }
  return put;
}

std::string KinesisBody(const PutInput& input, Random& random) {
  std::string out;
  aws::AppendCborHead(out, 5, 2);
  aws::AppendCborText(out, "StreamName");
  aws::AppendCborText(out, resources::HiddenStreamName(input.delivery_stream));
  aws::AppendCborText(out, "Records");
  aws::AppendCborHead(out, 4, input.records.size());
  std::string key = NewKey(random);
  size_t together = 0;
  for (const std::string& record : input.records) {
    if (together > kBytesTogether) {
      key = NewKey(random);
      together = 0;
    }
    together += record.size();
    aws::AppendCborHead(out, 5, 2);
    aws::AppendCborText(out, "Data");
    aws::AppendCborBytes(out, record);
    aws::AppendCborText(out, "PartitionKey");
    aws::AppendCborText(out, key);
  }
  return out;
}

}  // namespace millrace::firehose
