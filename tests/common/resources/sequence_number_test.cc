#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/resources/shard_map.h"

namespace millrace::resources {
namespace {

// Of AWS's documentation, taken apart in docs/formats/sequence_number.md.
TEST(SequenceNumber, ReadsOneThatAwsMade) {
  const auto n =
      SequenceNumber::FromDecimal("49590338271490256608559692538361571095921575989136588898");
  ASSERT_TRUE(n);
  EXPECT_EQ(n->shard, 6u);
  EXPECT_EQ(n->index, 1'734'642'199u);
  EXPECT_EQ(n->epoch, 1'542'776'258u);
  EXPECT_EQ(n->arrival_s, 1'545'084'650);
  EXPECT_EQ(n->ToDecimal(), "49590338271490256608559692538361571095921575989136588898");
}

TEST(SequenceNumber, IsTheWorkedExampleOfItsFormatPage) {
  EXPECT_EQ((SequenceNumber{1'763'700'000, 3, 17, 1'763'700'100}.ToDecimal()),
            "49669166496681721063618321479334571533761156236781289522");
}

TEST(SequenceNumber, RoundTripsAndHasFiftySixDigits) {
  Random random(7);
  for (int i = 0; i < 2000; ++i) {
    const SequenceNumber n{random.Next() >> 28, static_cast<uint32_t>(random.Next()), random.Next(),
                           static_cast<int64_t>(random.Next() >> 28)};
    const std::string text = n.ToDecimal();
    ASSERT_EQ(text.size(), 56u);
    const auto again = SequenceNumber::FromDecimal(text);
    ASSERT_TRUE(again) << text;
    EXPECT_EQ(again->epoch, n.epoch);
    EXPECT_EQ(again->shard, n.shard);
    EXPECT_EQ(again->index, n.index);
    EXPECT_EQ(again->arrival_s, n.arrival_s);
  }
}

TEST(SequenceNumber, EpochThenIndexDecideTheOrder) {
  const std::string first = SequenceNumber{1'763'700'000, 3, UINT64_MAX, 2'000'000'000}.ToDecimal();
  const std::string later_epoch = SequenceNumber{1'763'700'001, 0, 0, 1}.ToDecimal();
  const std::string later_index = SequenceNumber{1'763'700'001, 0, 1, 0}.ToDecimal();
  EXPECT_LT(first, later_epoch);  // equal lengths: text order is number order
  EXPECT_LT(later_epoch, later_index);
}

TEST(SequenceNumber, RefusesWhatNoShardCouldHaveGiven) {
  const std::string good = SequenceNumber{1'763'700'000, 3, 17, 1'763'700'100}.ToDecimal();
  std::string other = good;
  other.back() = other.back() == '0' ? '1' : static_cast<char>(other.back() - 1);
  for (const std::string& text : {std::string(), std::string("0"), std::string("1"),
                                  std::string(129, '9'), std::string(56, '9'), std::string(56, '1'),
                                  good + "0", good.substr(1), other, "x" + good.substr(1)}) {
    EXPECT_FALSE(SequenceNumber::FromDecimal(text)) << text;
  }
}

TEST(SequenceNumberFormatter, StepsAsIfEachNumberWereFormattedAlone) {
  Random random(11);
  for (int i = 0; i < 50; ++i) {
    const uint64_t first = i == 0 ? 0 : random.Next() >> (i % 60);
    SequenceNumberFormatter formatter(1'763'700'000, 99, first, 1'763'700'100);
    for (uint64_t step = 0; step < 1000; ++step) {
      char text[SequenceNumberFormatter::kDigits];
      formatter.Next(text);
      if (first + step < first) break;
      ASSERT_EQ(std::string(text, sizeof(text)),
                (SequenceNumber{1'763'700'000, 99, first + step, 1'763'700'100}.ToDecimal()));
    }
  }
}

TEST(SequenceNumberFormatter, CarriesIntoTheDigitsThatSeldomChange) {
  const auto alone = [](uint64_t index) {
    return SequenceNumber{1'763'700'000, 99, index, 1'763'700'100}.ToDecimal();
  };
  const auto upper = [&](uint64_t index) { return alone(index).substr(0, 20); };
  uint64_t before = 0;
  uint64_t after = uint64_t{1} << 42;
  ASSERT_NE(upper(before), upper(after));
  while (after - before > 1) {
    const uint64_t middle = before + (after - before) / 2;
    (upper(middle) == upper(0) ? before : after) = middle;
  }
  SequenceNumberFormatter formatter(1'763'700'000, 99, before - 1, 1'763'700'100);
  for (uint64_t index = before - 1; index < before + 4; ++index) {
    char text[SequenceNumberFormatter::kDigits];
    formatter.Next(text);
    EXPECT_EQ(std::string(text, sizeof(text)), alone(index));
  }
}

}  // namespace
}  // namespace millrace::resources
