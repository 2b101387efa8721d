#include "dataplane/client/records_page.h"

#include <gtest/gtest.h>

#include "common/aws/cbor.h"
#include "common/base/random.h"

namespace millrace::client {
namespace {

using json::Array;
using json::Object;
using json::Value;

std::string Answer() {
  Object first{{"Data", json::Blob{std::string("\0\xff text", 7)}},
               {"PartitionKey", "k\xc3\xa9"},
               {"EncryptionType", "KMS"},
               {"ApproximateArrivalTimestamp", json::Timestamp{1'795'284'309'042}},
               {"SequenceNumber", "49600000000000000000000000000000000000000000000000000001"}};
  Object second{{"SequenceNumber", "2"},
                {"Data", json::Blob{""}},
                {"Unknown", Array{1, "x", Object{{"a", 1.5}}}}};
  std::string out;
  aws::AppendCbor(out, Object{{"Records", Array{first, second}},
                              {"ChildShards", Array{Object{{"ShardId", "shardId-000000000001"}}}},
                              {"NextShardIterator", "AAAA"},
                              {"MillisBehindLatest", 1'500}});
  return out;
}

TEST(RecordsPage, HoldsWhatTheAnswerSays) {
  auto page = ReadRecordsPage(Answer());
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->records.size(), 2U);
  EXPECT_EQ(page->records[0].data, std::string_view("\0\xff text", 7));
  EXPECT_EQ(page->records[0].partition_key, "k\xc3\xa9");
  EXPECT_EQ(page->records[0].sequence_number,
            "49600000000000000000000000000000000000000000000000000001");
  EXPECT_EQ(page->records[0].arrival_ms, 1'795'284'309'042);
  EXPECT_EQ(page->records[1].sequence_number, "2");
  EXPECT_EQ(page->records[1].data, "");
  EXPECT_EQ(page->next_iterator, "AAAA");
  EXPECT_EQ(page->behind_ms, 1'500);
}

TEST(RecordsPage, WithoutAnIteratorIsTheShardsEnd) {
  for (bool is_null : {false, true}) {
    Object answer{{"Records", Array{}}};
    if (is_null) answer.emplace_back("NextShardIterator", nullptr);
    std::string body;
    aws::AppendCbor(body, answer);
    auto page = ReadRecordsPage(body);
    ASSERT_TRUE(page.ok());
    EXPECT_EQ(page->next_iterator, "");
  }
}

TEST(RecordsPage, OfIndefiniteLengthsIsReadToo) {
  // {_ "Records": [_ {_ "Data": h'61' }], "MillisBehindLatest": 7}
  const std::string body = std::string("\xbf\x67Records\x9f\xbf\x64") + "Data\x41" +
                           "a\xff\xff\x72" + "MillisBehindLatest\x07\xff";
  auto page = ReadRecordsPage(body);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->records.size(), 1U);
  EXPECT_EQ(page->records[0].data, "a");
  EXPECT_EQ(page->behind_ms, 7);
}

TEST(RecordsPage, CutAnywhereIsCorrupt) {
  const std::string whole = Answer();
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(ReadRecordsPage(whole.substr(0, size)).ok()) << size;
}

TEST(RecordsPage, OfRandomBytesIsReadOrRefused) {
  Random random(3);
  const std::string whole = Answer();
  for (int i = 0; i < 20'000; ++i) {
    std::string body = whole;
    for (int flips = 0; flips < 4; ++flips)
      body[random.Below(body.size())] = static_cast<char>(random.Below(256));
    (void)ReadRecordsPage(body).ok();
  }
}

}  // namespace
}  // namespace millrace::client
