#include "common/aws/cbor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/aws/protocol.h"
#include "tests/common/aws/samples.h"

namespace millrace::aws {
namespace {

using testing::HasSubstr;

// What the samples say, with {"$blob": hex} and {"$ms": number} made what they stand for.
json::Value Meant(const json::Value& sample) {
  if (sample.Has("$blob")) return json::Blob{FromHex(sample["$blob"].AsString())};
  if (sample.Has("$ms")) return json::Timestamp{sample["$ms"].AsInt()};
  if (sample.is_array()) {
    json::Array array;
    for (const json::Value& element : sample.AsArray()) array.push_back(Meant(element));
    return array;
  }
  if (!sample.is_object()) return sample;
  json::Object object;
  for (const auto& [name, member] : sample.AsObject()) object.emplace_back(name, Meant(member));
  return object;
}

std::string Encode(const json::Value& value) {
  std::string out;
  AppendCbor(out, value);
  return out;
}

std::string Refusal(std::string_view hex, const json::Limits& limits = {}) {
  auto value = ParseCbor(FromHex(hex), limits);
  return value.ok() ? "" : value.status().message();
}

TEST(Cbor, BodiesOfOtherEncodersAreRead) {
  const json::Value& samples = ReadSample("cbor.json");
  ASSERT_GE(samples.AsArray().size(), 20U);
  for (const json::Value& sample : samples.AsArray()) {
    auto value = ParseCbor(FromHex(sample["hex"].AsString()));
    ASSERT_TRUE(value.ok()) << sample["name"].AsString() << ": " << value.status().message();
    EXPECT_EQ(*value, Meant(sample["value"])) << sample["name"].AsString();
  }
}

TEST(Cbor, OurBytesAreThoseOfAnotherEncoder) {
  for (const json::Value& sample : ReadSample("cbor.json").AsArray()) {
    if (!sample["ours"].AsBool()) continue;
    EXPECT_EQ(Encode(Meant(sample["value"])), FromHex(sample["hex"].AsString()))
        << sample["name"].AsString();
  }
}

TEST(Cbor, EveryTruncationIsRefused) {
  for (const json::Value& sample : ReadSample("cbor.json").AsArray()) {
    std::string whole = FromHex(sample["hex"].AsString());
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(ParseCbor(std::string_view(whole).substr(0, size)).ok())
          << sample["name"].AsString() << " at " << size;
    }
  }
}

TEST(Cbor, BytesAfterTheDocumentAreRefused) { EXPECT_THAT(Refusal("a000"), HasSubstr("after")); }

TEST(Cbor, DeclaredLengthsPastTheDocumentAreRefused) {
  EXPECT_THAT(Refusal("5bffffffffffffffff"), HasSubstr("longer than the document"));
  EXPECT_THAT(Refusal("7b7fffffffffffffff"), HasSubstr("longer than the document"));
  EXPECT_THAT(Refusal("9bffffffffffffffff"), HasSubstr("longer than the document"));
  EXPECT_THAT(Refusal("bbffffffffffffffff"), HasSubstr("longer than the document"));
  EXPECT_THAT(Refusal("9a00010000ff"), HasSubstr("longer than the document"));
}

TEST(Cbor, DepthIsBounded) {
  std::string deep;
  for (int i = 0; i < 31; ++i) deep += "81";
  EXPECT_EQ(Refusal(deep + "00"), "");
  EXPECT_THAT(Refusal("81" + deep + "00"), HasSubstr("nested too deep"));
  std::string endless;
  for (int i = 0; i < 100'000; ++i) endless += "9f";
  EXPECT_THAT(Refusal(endless), HasSubstr("nested too deep"));
  std::string tags;
  for (int i = 0; i < 100; ++i) tags += "c1";
  EXPECT_THAT(Refusal(tags + "00"), HasSubstr("nested too deep"));
}

TEST(Cbor, ItemsAreCounted) {
  json::Limits limits;
  limits.tokens_max = 4;
  EXPECT_EQ(Refusal("83000000", limits), "");
  EXPECT_THAT(Refusal("8400000000", limits), HasSubstr("too many items"));
  EXPECT_THAT(Refusal("7f60606060ff", limits), HasSubstr("too many items"));
}

TEST(Cbor, AKeyTwiceIsRefused) {
  EXPECT_THAT(Refusal("a2616100616101"), HasSubstr("twice"));
  json::Object object;  // past the size where keys are compared pairwise
  for (int i = 0; i < 40; ++i) object.emplace_back("k" + std::to_string(i), i);
  EXPECT_TRUE(ParseCbor(Encode(object)).ok());
  object.emplace_back("k7", 1);
  EXPECT_FALSE(ParseCbor(Encode(object)).ok());
}

TEST(Cbor, KeysAreText) {
  EXPECT_THAT(Refusal("a10000"), HasSubstr("not text"));
  EXPECT_THAT(Refusal("a1416100"), HasSubstr("not text"));
}

TEST(Cbor, TextIsUtf8) {
  for (std::string hex : {"61ff", "62c080", "63eda080", "64f4908080", "62c3", "61c3"}) {
    EXPECT_NE(Refusal(hex), "") << hex;
  }
}

TEST(Cbor, UnknownFormsAreRefused) {
  EXPECT_THAT(Refusal("c400"), HasSubstr("unknown tag"));
  EXPECT_THAT(Refusal("d9d9f700"), HasSubstr("unknown tag"));
  EXPECT_THAT(Refusal("c161"
                      "61"),
              HasSubstr("no number of milliseconds"));
  EXPECT_THAT(Refusal("c1f97e00"), HasSubstr("no number of milliseconds"));
  EXPECT_THAT(Refusal("c001"), HasSubstr("another type"));
  EXPECT_THAT(Refusal("c2"
                      "6161"),
              HasSubstr("another type"));
  EXPECT_THAT(Refusal("1c"), HasSubstr("reserved length"));
  EXPECT_THAT(Refusal("1f"), HasSubstr("indefinite"));
  EXPECT_THAT(Refusal("f8ff"), HasSubstr("unknown simple"));
  EXPECT_THAT(Refusal("ff"), HasSubstr("unknown simple"));
  EXPECT_THAT(Refusal("5f6161ff"), HasSubstr("another type"));
  EXPECT_THAT(Refusal("7f7f6161ffff"), HasSubstr("another type"));
  EXPECT_NE(Refusal("bf6161ff"), "");
}

TEST(Cbor, PiecesMakeTheSameBytesAsDocuments) {
  std::string pieces;
  AppendCborHead(pieces, 5, 3);
  AppendCborText(pieces, "t");
  AppendCborTimestamp(pieces, -1);
  AppendCborText(pieces, "b");
  AppendCborBytes(pieces, "xyz");
  AppendCborText(pieces, "n");
  AppendCborHead(pieces, 0, 300);
  json::Object object;
  object.emplace_back("t", json::Timestamp{-1});
  object.emplace_back("b", json::Blob{"xyz"});
  object.emplace_back("n", 300);
  EXPECT_EQ(pieces, Encode(object));
}

TEST(Protocol, ContentTypesAreReadWithTheirParameters) {
  EXPECT_EQ(*ProtocolOf("application/x-amz-json-1.1"), Protocol::kJson);
  EXPECT_EQ(*ProtocolOf("  Application/X-Amz-JSON-1.1 ; charset=utf-8"), Protocol::kJson);
  EXPECT_EQ(*ProtocolOf("application/x-amz-cbor-1.1"), Protocol::kCbor);
  for (std::string type : {"", "application/json", "application/x-amz-json-1.0", ";"}) {
    EXPECT_FALSE(ProtocolOf(type).ok()) << type;
  }
}

TEST(Protocol, AnEmptyBodyIsAnEmptyObject) {
  EXPECT_EQ(*DecodeBody(Protocol::kJson, ""), json::Value(json::Object{}));
  EXPECT_EQ(*DecodeBody(Protocol::kCbor, ""), json::Value(json::Object{}));
}

TEST(Protocol, BodiesRoundTripInBoth) {
  json::Object object;
  object.emplace_back("ShardCount", 2);
  object.emplace_back("StreamName", "orders");
  for (Protocol protocol : {Protocol::kJson, Protocol::kCbor}) {
    auto read = DecodeBody(protocol, EncodeBody(protocol, object));
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, json::Value(object));
  }
  json::Value moment = json::Timestamp{1795262400123};
  EXPECT_EQ(EncodeBody(Protocol::kJson, moment), "1795262400.123");
  EXPECT_EQ(EncodeBody(Protocol::kCbor, moment), FromHex("c11b000001a1fdfa467b"));
}

}  // namespace
}  // namespace millrace::aws
