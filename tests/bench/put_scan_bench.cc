// Prints what reading the body of a PutRecords call costs: the scan alone, and with what has to
// follow it (hashes of the keys, base64 into a buffer, checksums).
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "common/aws/protocol.h"
#include "common/codec/base64.h"
#include "common/codec/crc32.h"
#include "common/codec/digest.h"
#include "dataplane/kinesis/put_records_scanner.h"
#include "tests/bench/bench.h"

namespace millrace::kinesis {
namespace {

using aws::Protocol;
using bench::Keep;
using bench::NanosecondsPerCall;

constexpr size_t kRecords = 500;
constexpr double kNanosecondsPerMicrosecond = 1e3;

json::Value Input(size_t data_size) {
  std::mt19937_64 random(3);
  json::Array records;
  for (size_t i = 0; i < kRecords; ++i) {
    std::string data(data_size, '\0');
    for (char& byte : data) byte = static_cast<char>(random());
    json::Value record;
    record.Set("Data", json::Blob{std::move(data)});
    record.Set("PartitionKey", "key-" + std::to_string(random() % 1'000'000'000'000));
    records.push_back(std::move(record));
  }
  json::Value input;
  input.Set("Records", std::move(records));
  input.Set("StreamName", "orders");
  return input;
}

// As json.dumps of Python writes it, with a space after ':' and ','.
std::string Spaced(const std::string& compact) {
  std::string spaced;
  bool quoted = false;
  for (char c : compact) {
    spaced += c;
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ':' || c == ',')) spaced += ' ';
  }
  return spaced;
}

// What a PutRecords call does with the records between the scan and the log.
void HashAndDecode(Protocol protocol, const ScannedPut& put, std::vector<uint8_t>& log,
                   std::vector<std::string_view>& keys, std::vector<codec::Md5Digest>& hashes) {
  keys.clear();
  for (const ScannedRecord& record : put.records) keys.push_back(record.partition_key);
  hashes.resize(keys.size());
  codec::Md5Many(keys, hashes);
  uint8_t* to = log.data();
  for (const ScannedRecord& record : put.records) {
    if (protocol == Protocol::kJson) {
      Keep(codec::Base64Decode(record.data, to));
    } else {
      std::memcpy(to, record.data.data(), record.data_size);
    }
    Keep(codec::Crc32c(to, record.data_size));
    to += record.data_size;
  }
}

void Figures(const char* name, Protocol protocol, const std::string& body, size_t data_size) {
  ScannedPut put;
  if (!ScanPutRecords(protocol, body, put)) {
    std::puts("the body is unusual");
    return;
  }
  std::vector<uint8_t> log(kRecords * (data_size + 3));
  std::vector<std::string_view> keys;
  std::vector<codec::Md5Digest> hashes;
  double scan = NanosecondsPerCall([&] { Keep(ScanPutRecords(protocol, body, put)); });
  double rest = NanosecondsPerCall([&] { HashAndDecode(protocol, put, log, keys, hashes); });
  std::printf("  %-14s %6zu B a record %9zu B body %9.1f us scan %9.1f us rest\n", name, data_size,
              body.size(), scan / kNanosecondsPerMicrosecond, rest / kNanosecondsPerMicrosecond);
}

}  // namespace
}  // namespace millrace::kinesis

int main() {
  using namespace millrace;
  std::puts("PutRecords bodies of 500 records, a call");
  for (size_t data_size : {100, 1'024, 10'240}) {
    json::Value input = kinesis::Input(data_size);
    std::string compact = aws::EncodeBody(aws::Protocol::kJson, input);
    kinesis::Figures("JSON compact", aws::Protocol::kJson, compact, data_size);
    kinesis::Figures("JSON boto3", aws::Protocol::kJson, kinesis::Spaced(compact), data_size);
    kinesis::Figures("CBOR", aws::Protocol::kCbor, aws::EncodeBody(aws::Protocol::kCbor, input),
                     data_size);
  }
  return 0;
}
