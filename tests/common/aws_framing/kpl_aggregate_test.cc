#include "common/aws_framing/kpl_aggregate.h"

#include <gtest/gtest.h>

#include "common/codec/digest.h"
#include "tests/common/aws/samples.h"

namespace millrace::aws {
namespace {

// An aggregate of any message, its digest right.
std::string Wrapped(std::string_view message) {
  codec::Md5Digest digest = codec::Md5(message);
  return FromHex("f3899ac2") + std::string(message) +
         std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}
Code Refusal(std::string_view message_hex) {
  return DecodeKplAggregate(Wrapped(FromHex(message_hex))).status().code();
}

struct Sample {
  std::string name;
  std::string bytes;
  std::vector<std::string> keys;
  std::vector<std::optional<std::string>> hash_keys;
  std::vector<std::string> data;
};

std::vector<Sample> Samples() {
  std::vector<Sample> samples;
  for (const json::Value& value : ReadSample("kpl.json").AsArray()) {
    Sample& sample = samples.emplace_back();
    sample.name = value["name"].AsString();
    sample.bytes = FromHex(value["hex"].AsString());
    for (const json::Value& record : value["records"].AsArray()) {
      sample.keys.push_back(record["key"].AsString());
      sample.data.push_back(FromHex(record["data_hex"].AsString()));
      bool has_hash_key = record["hash_key"].is_string();
      sample.hash_keys.push_back(has_hash_key ? std::optional(record["hash_key"].AsString())
                                              : std::nullopt);
    }
  }
  return samples;
}

TEST(KplAggregate, AggregatesOfAwsAreRead) {
  ASSERT_GE(Samples().size(), 5U);
  for (const Sample& sample : Samples()) {
    EXPECT_TRUE(LooksKplAggregated(sample.bytes));
    auto records = DecodeKplAggregate(sample.bytes);
    ASSERT_TRUE(records.ok()) << sample.name << ": " << records.status().message();
    ASSERT_EQ(records->size(), sample.data.size()) << sample.name;
    for (size_t i = 0; i < records->size(); ++i) {
      EXPECT_EQ((*records)[i].partition_key, sample.keys[i]);
      EXPECT_EQ((*records)[i].explicit_hash_key, sample.hash_keys[i]);
      EXPECT_EQ((*records)[i].data, sample.data[i]);
    }
  }
}

TEST(KplAggregate, OurAggregatesAreTheSameBytes) {
  for (const Sample& sample : Samples()) {
    std::vector<KplUserRecord> records;
    for (size_t i = 0; i < sample.data.size(); ++i) {
      records.push_back({sample.keys[i], sample.hash_keys[i], sample.data[i]});
    }
    EXPECT_EQ(EncodeKplAggregate(records), sample.bytes) << sample.name;
  }
}

TEST(KplAggregate, NoRecordsIsAnAggregateToo) {
  auto records = DecodeKplAggregate(EncodeKplAggregate({}));
  ASSERT_TRUE(records.ok());
  EXPECT_TRUE(records->empty());
}

TEST(KplAggregate, EveryFlippedBitAndEveryTruncationIsDetected) {
  std::string bytes = Samples()[2].bytes;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(DecodeKplAggregate(changed).status().code(), Code::kCorrupt) << "bit " << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeKplAggregate(bytes.substr(0, size)).status().code(), Code::kCorrupt);
  }
}

TEST(KplAggregate, AMalformedMessageWithARightDigestIsRefused) {
  EXPECT_EQ(Refusal("0a"), Code::kCorrupt);                        // a length that is cut off
  EXPECT_EQ(Refusal("0a05aa"), Code::kCorrupt);                    // longer than what is left
  EXPECT_EQ(Refusal("0affffffffffffffffff01"), Code::kCorrupt);    // far longer
  EXPECT_EQ(Refusal("0affffffffffffffffffff01"), Code::kCorrupt);  // a varint of 11 bytes
  EXPECT_EQ(Refusal("0b"), Code::kCorrupt);                        // a group
  EXPECT_EQ(Refusal("0001"), Code::kCorrupt);                      // field number 0
  EXPECT_EQ(Refusal("1a021a00"), Code::kCorrupt);                  // no partition key
  EXPECT_EQ(Refusal("1a020800"), Code::kCorrupt);                  // no data
  EXPECT_EQ(Refusal("0a016b1a0408011a00"), Code::kCorrupt);        // a key past its table
  EXPECT_EQ(Refusal("0a016b1a06080010001a00"), Code::kCorrupt);    // a hash key without a table
}

TEST(KplAggregate, TablesMayComeLastAndUnknownFieldsAreSkipped) {
  // records { index 0, data "d", tags {} }, unknown varint, fixed64, fixed32 and bytes, then the
  // table.
  auto wrapped =
      Wrapped(FromHex("1a0708001a01642200"
                      "2001"
                      "290000000000000000"
                      "2d00000000"
                      "3201ff"
                      "0a016b"));
  auto records = DecodeKplAggregate(wrapped);
  ASSERT_TRUE(records.ok()) << records.status().message();
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ((*records)[0].partition_key, "k");
  EXPECT_EQ((*records)[0].data, "d");
}

TEST(KplAggregate, MoreRecordsThanTheLimitAreRefused) {
  std::string message = FromHex("0a016b");
  for (size_t i = 0; i <= kKplRecordsMax; ++i) message += FromHex("1a0408001a00");
  EXPECT_EQ(DecodeKplAggregate(Wrapped(message)).status().code(), Code::kCorrupt);
}

TEST(KplAggregate, OrdinaryRecordsDoNotLookLikeOne) {
  EXPECT_FALSE(LooksKplAggregated(""));
  EXPECT_FALSE(LooksKplAggregated(FromHex("f3899ac2")));
  EXPECT_FALSE(LooksKplAggregated(std::string(100, 'x')));
}

}  // namespace
}  // namespace millrace::aws
