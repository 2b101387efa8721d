#include "dataplane/format/record_format.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "common/codec/crc32.h"

namespace millrace::storage {
namespace {

std::string Hex(const Slice& slice) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned char c : slice.view()) {
    hex += kDigits[c >> 4];
    hex += kDigits[c & 15];
  }
  return hex;
}

TEST(RecordFormat, OneRecordIsTheBytesOfItsPage) {
  RecordBatch batch;
  batch.Add("k", "data");
  // docs/formats/record.md
  EXPECT_EQ(Hex(batch.Take()), "380d541501000000040000006b64617461");
}

TEST(RecordFormat, RecordsAreReadBackInOrder) {
  RecordBatch batch(10);
  for (int i = 0; i < 1000; ++i) batch.Add("key" + std::to_string(i), std::string(size_t(i), 'x'));
  EXPECT_EQ(batch.count(), 1000U);
  size_t encoded = batch.encoded_bytes();
  uint64_t payload = batch.payload_bytes();
  EXPECT_EQ(encoded, payload + 1000 * kRecordHeaderBytes);
  Slice records = batch.Take();
  EXPECT_EQ(records.size(), encoded);
  EXPECT_EQ(batch.count(), 0U);
  EXPECT_EQ(batch.encoded_bytes(), 0U);
  RecordReader reader(records);
  for (int i = 0; i < 1000; ++i) {
    auto record = reader.Next();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->key, "key" + std::to_string(i));
    EXPECT_EQ(record->data.size(), static_cast<size_t>(i));
  }
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_FALSE(reader.corrupt());
}

TEST(RecordFormat, DataIsWrittenInPlaceAndMayTurnOutShorter) {
  RecordBatch batch;
  std::memcpy(batch.Begin("a", 100), "short", 5);
  batch.End(5);
  batch.Begin("gone", 1000);
  batch.Abandon();
  batch.Add("b", "");
  Slice records = batch.Take();
  RecordReader reader(records);
  EXPECT_EQ(reader.Next()->data, "short");
  EXPECT_EQ(reader.Next()->key, "b");
  EXPECT_FALSE(reader.Next().has_value());
  EXPECT_FALSE(reader.corrupt());
}

// However they got there: put together elsewhere, in place, or straight from where they were.
TEST(RecordFormat, LargeBatchesHoldWhatSmallOnesDo) {
  std::mt19937_64 random(5);
  const auto text = [&](size_t size_max) {
    std::string out(random() % (size_max + 1), '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
  };
  for (int round = 0; round < 50; ++round) {
    RecordBatch large(round % 3 == 0 ? 0 : 200'000);
    std::string expected;
    for (int i = 0; i < 200; ++i) {
      const std::string key = text(i % 50 == 7 ? 600 : 40);
      const std::string data = text(i % 60 == 9 ? 100'000 : i % 3 == 0 ? 70 : 2'000);
      RecordBatch alone;
      alone.Add(key, data);
      expected += alone.Take().view();
      if (i % 7 == 0) {
        large.Begin("gone", data.size());
        large.Abandon();
      }
      if (i % 2 == 0) {
        large.Add(key, data);
      } else {
        std::memcpy(large.Begin(key, data.size() + 10), data.data(), data.size());
        large.End(data.size());
      }
      if (i % 20 == 0) {
        RecordBatch moved = std::move(large);
        large = std::move(moved);
      }
      ASSERT_EQ(large.crc(), codec::Crc32c(expected.data(), expected.size())) << i;
    }
    ASSERT_EQ(large.encoded_bytes(), expected.size());
    ASSERT_TRUE(large.Take().view() == expected) << round;
    EXPECT_EQ(large.crc(), 0U);
  }
}

TEST(RecordFormat, EveryFlippedBitIsDetected) {
  RecordBatch batch;
  batch.Add("key", "some data");
  std::string bytes(batch.Take().view());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string bad = bytes;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    RecordReader reader(reinterpret_cast<const uint8_t*>(bad.data()), bad.size());
    EXPECT_FALSE(reader.Next().has_value()) << bit;
    EXPECT_TRUE(reader.corrupt()) << bit;
  }
}

TEST(RecordFormat, EveryCutIsDetected) {
  RecordBatch batch;
  batch.Add("key", "some data");
  std::string bytes(batch.Take().view());
  for (size_t size = 1; size < bytes.size(); ++size) {
    RecordReader reader(reinterpret_cast<const uint8_t*>(bytes.data()), size);
    EXPECT_FALSE(reader.Next().has_value());
    EXPECT_TRUE(reader.corrupt());
  }
}

TEST(RecordFormat, LongestKeyAndEmptyRecordFit) {
  RecordBatch batch;
  batch.Add(std::string(UINT16_MAX, 'k'), "d");
  batch.Add("", "");
  Slice records = batch.Take();
  RecordReader reader(records);
  EXPECT_EQ(reader.Next()->key.size(), size_t{UINT16_MAX});
  EXPECT_EQ(reader.Next()->key, "");
  EXPECT_FALSE(reader.corrupt());
}

}  // namespace
}  // namespace millrace::storage
