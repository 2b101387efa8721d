#include "dataplane/kinesis/put_records_scanner.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "common/codec/variant.h"
#include "tests/dataplane/kinesis/put_scan_oracle.h"

namespace millrace::kinesis {
namespace {

using aws::Protocol;
using codec::internal::ScopedVariants;
using codec::internal::Variant;

constexpr PutOperation kOperations[] = {PutOperation::kPutRecord, PutOperation::kPutRecords};
constexpr Protocol kProtocols[] = {Protocol::kJson, Protocol::kCbor};

class Bodies {
 public:
  explicit Bodies(uint64_t seed) : random_(seed) {}

  uint64_t Number(uint64_t below) { return random_() % below; }

  std::string Bytes(size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }

  std::string Key() {
    static const char* const kParts[] = {"order", "-", "7", "ü", "日本", "😀", " ", "a", "~"};
    std::string key = "k";
    for (uint64_t parts = Number(12); parts > 0; --parts) key += kParts[Number(std::size(kParts))];
    return key;
  }

  json::Value Record(size_t data_size_max) {
    json::Value record;
    std::vector<std::string_view> order = {"Data", "PartitionKey"};
    if (Number(4) == 0) order.push_back("ExplicitHashKey");
    std::shuffle(order.begin(), order.end(), random_);
    for (std::string_view name : order) {
      if (name == "Data") record.Set(name, json::Blob{Bytes(Number(data_size_max + 1))});
      if (name == "PartitionKey") record.Set(name, Key());
      if (name == "ExplicitHashKey") record.Set(name, std::to_string(Number(UINT64_MAX)));
    }
    return record;
  }

  json::Value Input(PutOperation operation, size_t records, size_t data_size_max) {
    json::Value input;
    bool name_first = Number(2) == 0;
    if (name_first) AddStream(input);
    if (operation == PutOperation::kPutRecords) {
      json::Array array;
      for (size_t i = 0; i < records; ++i) array.push_back(Record(data_size_max));
      input.Set("Records", std::move(array));
    } else {
      json::Value record = Record(data_size_max);
      for (const auto& [name, value] : record.AsObject()) input.Set(name, value);
      if (Number(4) == 0) input.Set("SequenceNumberForOrdering", std::to_string(Number(1'000)));
    }
    if (!name_first) AddStream(input);
    return input;
  }

  // Changes a few bytes: to another value, to one that the grammar knows, out, in, or a copy.
  std::string Damage(std::string body) {
    static const std::string kTelling =
        "\"\\{}[]:,= \n\t\0nuDP\x80\xc3\xff\x5f\x7f\xbf\x9f\x40\x60";
    for (uint64_t hits = 1 + Number(3); hits > 0 && !body.empty(); --hits) {
      size_t at = Number(body.size());
      switch (Number(5)) {
        case 0:
          body[at] = static_cast<char>(random_());
          break;
        case 1:
          body[at] = kTelling[Number(kTelling.size())];
          break;
        case 2:
          body.erase(at, 1 + Number(8));
          break;
        case 3:
          body.insert(at, 1, kTelling[Number(kTelling.size())]);
          break;
        default: {
          std::string copy = body.substr(Number(body.size()), Number(60));
          body.insert(at, copy);
        }
      }
    }
    return body;
  }

 private:
  void AddStream(json::Value& input) {
    uint64_t which = Number(4);
    if (which != 1) input.Set("StreamName", "orders_1.eu-west");
    if (which != 2 && which != 3) {
      input.Set("StreamARN", "arn:aws:kinesis:eu-west-1:000000000000:stream/orders_1.eu-west");
    }
  }

  std::mt19937_64 random_;
};

// White space as json.dumps of Python puts it, which is how boto3 and the AWS CLI write.
std::string Spaced(const std::string& compact, std::string_view space) {
  std::string spaced;
  bool quoted = false;
  for (char c : compact) {
    spaced += c;
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ':' || c == ',')) spaced += space;
  }
  return spaced;
}

std::string Shown(std::string_view body) {
  return ::testing::PrintToString(std::string(body.substr(0, 500)));
}

void ExpectTaken(PutOperation operation, Protocol protocol, const std::string& body) {
  bool taken = false;
  // In a block of exactly its size, so that the address sanitizer sees a read past it.
  std::vector<char> exact(body.begin(), body.end());
  EXPECT_EQ(Disagreement(operation, protocol, {exact.data(), exact.size()}, taken), "")
      << Shown(body);
  EXPECT_TRUE(taken) << Shown(body);
}
void ExpectUnusual(PutOperation operation, Protocol protocol, std::string_view body) {
  ScannedPut put;
  std::vector<char> exact(body.begin(), body.end());
  EXPECT_FALSE(Scan(operation, protocol, {exact.data(), exact.size()}, put)) << Shown(body);
}
void ExpectUnusualJson(std::string_view body) {
  ExpectUnusual(PutOperation::kPutRecords, Protocol::kJson, body);
}

TEST(PutRecordsScanner, ViewsShowWhatABoto3BodySays) {
  std::string body =
      R"({"Records": [{"Data": "aGVsbG8=", "PartitionKey": "k-1"}, {"Data": "", "ExplicitHashKey": "0", "PartitionKey": "ключ"}], "StreamName": "orders"})";
  ScannedPut put;
  ASSERT_TRUE(ScanPutRecords(Protocol::kJson, body, put));
  EXPECT_EQ(put.stream_name, "orders");
  EXPECT_EQ(put.stream_arn, "");
  ASSERT_EQ(put.records.size(), 2U);
  EXPECT_EQ(put.records[0].data, "aGVsbG8=");
  EXPECT_EQ(put.records[0].data_size, 5U);
  EXPECT_EQ(put.records[0].partition_key, "k-1");
  EXPECT_EQ(put.records[0].explicit_hash_key, "");
  EXPECT_EQ(put.records[1].data, "");
  EXPECT_EQ(put.records[1].explicit_hash_key, "0");
  EXPECT_EQ(put.records[1].partition_key, "ключ");
  EXPECT_GE(put.records[0].data.data(), body.data());
  EXPECT_LE(put.records[1].partition_key.end(), &*body.end());
}

TEST(PutRecordsScanner, NothingOfAnEarlierBodyStaysBehind) {
  ScannedPut put;
  ASSERT_TRUE(ScanPutRecord(
      Protocol::kJson,
      R"({"StreamName":"a","SequenceNumberForOrdering":"7","Data":"QUJD","PartitionKey":"k","ExplicitHashKey":"1"})",
      put));
  EXPECT_EQ(put.sequence_number_for_ordering, "7");
  ASSERT_TRUE(ScanPutRecord(
      Protocol::kJson,
      R"({"StreamARN":"arn:aws:kinesis:r:000000000000:stream/s","Data":"QQ==","PartitionKey":"j"})",
      put));
  EXPECT_EQ(put.stream_name, "");
  EXPECT_EQ(put.sequence_number_for_ordering, "");
  ASSERT_EQ(put.records.size(), 1U);
  EXPECT_EQ(put.records[0].partition_key, "j");
  EXPECT_EQ(put.records[0].explicit_hash_key, "");
  EXPECT_EQ(put.records[0].data_size, 1U);
}

TEST(PutRecordsScanner, TakesWhatSdksWriteWithEveryVariant) {
  for (auto variants : {std::vector<Variant>{}, {Variant::kAvx2}, {Variant::kAvx512}}) {
    std::optional<ScopedVariants> allowed;
    if (variants.empty()) allowed.emplace(std::initializer_list<Variant>{});
    if (!variants.empty()) allowed.emplace(std::initializer_list<Variant>{variants[0]});
    Bodies bodies(11);
    for (int i = 0; i < 300; ++i) {
      for (PutOperation operation : kOperations) {
        json::Value input = bodies.Input(operation, 1 + bodies.Number(20), 1 + bodies.Number(300));
        std::string json = json::WriteJson(input);
        ExpectTaken(operation, Protocol::kJson, json);
        ExpectTaken(operation, Protocol::kJson, Spaced(json, " "));
        ExpectTaken(operation, Protocol::kJson, "\r\n" + Spaced(json, "\n\t ") + " \n");
        ExpectTaken(operation, Protocol::kCbor, aws::EncodeBody(Protocol::kCbor, input));
      }
    }
  }
}

TEST(PutRecordsScanner, TakesFiveHundredRecordsAndNoMore) {
  Bodies bodies(12);
  json::Value input = bodies.Input(PutOperation::kPutRecords, 500, 10);
  for (Protocol protocol : kProtocols) {
    ExpectTaken(PutOperation::kPutRecords, protocol, aws::EncodeBody(protocol, input));
  }
  input["Records"].Append(bodies.Record(10));
  for (Protocol protocol : kProtocols) {
    ExpectUnusual(PutOperation::kPutRecords, protocol, aws::EncodeBody(protocol, input));
  }
}

TEST(PutRecordsScanner, TakesIndefiniteCborAsJavaWritesIt) {
  // {_ "StreamName": "s", "Records": [_ {_ "Data": h'0102', "PartitionKey": "k"}]}
  std::string body =
      "\xbf\x6aStreamName\x61s\x67Records\x9f\xbf\x64"
      "Data\x42\x01\x02\x6cPartitionKey\x61k\xff\xff\xff";
  ExpectTaken(PutOperation::kPutRecords, Protocol::kCbor, body);
  for (size_t size = 0; size < body.size(); ++size) {
    ExpectUnusual(PutOperation::kPutRecords, Protocol::kCbor, body.substr(0, size));
  }
  ExpectUnusual(PutOperation::kPutRecords, Protocol::kCbor, body + "\xff");
  // Data in two chunks; the general way joins them.
  ExpectUnusual(PutOperation::kPutRecords, Protocol::kCbor,
                "\xbf\x6aStreamName\x61s\x67Records\x9f\xbf\x64"
                "Data\x5f\x41\x01\x41\x02\xff\x6cPartitionKey\x61k\xff\xff\xff");
}

TEST(PutRecordsScanner, LargeRecordsUpToTheLimitOfTheModel) {
  constexpr size_t kDataBytesMax = 10'485'760;
  for (Protocol protocol : kProtocols) {
    json::Value input;
    input.Set("StreamName", "s");
    input.Set("PartitionKey", "k");
    input.Set("Data", json::Blob{std::string(kDataBytesMax, 'x')});
    ExpectTaken(PutOperation::kPutRecord, protocol, aws::EncodeBody(protocol, input));
    input.Set("Data", json::Blob{std::string(kDataBytesMax + 1, 'x')});
    ExpectUnusual(PutOperation::kPutRecord, protocol, aws::EncodeBody(protocol, input));
  }
}

TEST(PutRecordsScanner, UnusualJsonIsLeftToTheGeneralWay) {
  for (
      std::string_view body : {
          "",
          " ",
          "{}",
          "[]",
          "null",
          "7",
          "{",
          "\xef\xbb\xbf{}",
          R"({"StreamName":"s"})",
          R"({"Records":[],"StreamName":"s"})",
          R"({"Records":[],"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}]})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":""})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":null})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"a b"})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s","StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s","DryRun":true})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamARN":"arn:aws:kinesis:r:1:stream/s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s"}})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s",})",
          R"({"Records":[{"Data":"","PartitionKey":"k"},],"StreamName":"s"})",
          R"({"Records":[,{"Data":"","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k"} {"Data":"","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k",}],"StreamName":"s"})",
          R"({"Records":{"Data":"","PartitionKey":"k"},"StreamName":"s"})",
          R"({"Records":[{"PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":""}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":""}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":7}],"StreamName":"s"})",
          R"({"Records":[{"Data":7,"PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"QQ","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"QR==","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"QQ==QQ==","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"Q\/==","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"a\u0062"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","Data":"","PartitionKey":"k"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k","ExplicitHashKey":"01"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k","ExplicitHashKey":"-1"}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k","ExplicitHashKey":""}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k","Other":""}],"StreamName":"s"})",
          R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s"}x)",
          "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"a\tb\"}],\"StreamName\":\"s\"}",
          "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"\xff\"}],\"StreamName\":\"s\"}",
          "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"\xed\xa0\x80\"}],\"StreamName\":\"s\"}",
          "{\"Records\":[{\"Data\":\"\",\"PartitionKey\":\"\xc3\"}],\"StreamName\":\"s\"}",
      }) {
    ExpectUnusualJson(body);
  }
  std::string key(257, 'k');
  ExpectUnusualJson(R"({"Records":[{"Data":"","PartitionKey":")" + key +
                    R"("}],"StreamName":"s"})");
  std::string nul = R"({"Records":[{"Data":"","PartitionKey":"k"}],"StreamName":"s"})";
  ExpectUnusualJson(nul + '\0');
}

TEST(PutRecordsScanner, UnusualPutRecordsAreLeftToTheGeneralWay) {
  for (std::string_view body : {
           R"({"Data":"","PartitionKey":"k"})",
           R"({"StreamName":"s","PartitionKey":"k"})",
           R"({"StreamName":"s","Data":""})",
           R"({"StreamName":"s","Data":"","PartitionKey":"k","Records":[]})",
           R"({"StreamName":"s","Data":"","PartitionKey":"k","SequenceNumberForOrdering":"x"})",
           R"({"StreamName":"s","Data":"","PartitionKey":"k","Data":""})",
       }) {
    ExpectUnusual(PutOperation::kPutRecord, Protocol::kJson, body);
  }
}

TEST(PutRecordsScanner, NoTruncatedBodyIsTaken) {
  Bodies bodies(13);
  for (PutOperation operation : kOperations) {
    for (Protocol protocol : kProtocols) {
      std::string body = aws::EncodeBody(protocol, bodies.Input(operation, 3, 60));
      for (size_t size = 0; size < body.size(); ++size) {
        ExpectUnusual(operation, protocol, std::string_view(body).substr(0, size));
      }
    }
  }
}

TEST(PutRecordsScanner, NeverTakesWhatTheGeneralWayRefusesOrReadsDifferently) {
  Bodies bodies(14);
  int taken_count = 0;
  for (int i = 0; i < 40'000; ++i) {
    PutOperation operation = kOperations[bodies.Number(2)];
    Protocol protocol = kProtocols[bodies.Number(2)];
    std::string body = aws::EncodeBody(protocol, bodies.Input(operation, 1 + bodies.Number(3), 40));
    if (protocol == Protocol::kJson && bodies.Number(2) == 0) body = Spaced(body, " ");
    std::string damaged = bodies.Damage(body);
    bool taken = false;
    std::vector<char> exact(damaged.begin(), damaged.end());
    ASSERT_EQ(Disagreement(operation, protocol, {exact.data(), exact.size()}, taken), "")
        << Shown(damaged);
    taken_count += taken ? 1 : 0;
  }
  // Otherwise the test compares nothing.
  EXPECT_GT(taken_count, 1'000);
}

}  // namespace
}  // namespace millrace::kinesis
