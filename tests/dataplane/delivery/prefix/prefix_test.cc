#include "dataplane/delivery/prefix/prefix.h"

#include <gtest/gtest.h>

namespace millrace::delivery {
namespace {

// 2026-11-21T18:05:09.042Z, a Saturday.
constexpr WallMs kWhen = 1'795'284'309'042;

std::string Evaluated(std::string_view text,
                      const PrefixInput& input = {.oldest_arrival_ms = kWhen},
                      std::string_view zone = "UTC") {
  auto prefix = Prefix::Parse(text, Prefix::Use::kData, TimeZone::Find(zone).value());
  if (!prefix.ok()) return "refused: " + prefix.status().message();
  Random random(1);
  auto out = prefix->Evaluate(input, random);
  return out.ok() ? *out : "failed: " + out.status().message();
}

std::string Formatted(std::string_view pattern, WallMs when = kWhen, std::string_view zone = "") {
  auto time = TimePattern::Parse(pattern);
  if (!time.ok()) return "refused: " + time.status().message();
  return time->Format(when, TimeZone::Find(zone).value());
}

TEST(Prefix, WithoutATimestampGetsTheHourAtItsEnd) {
  EXPECT_EQ(Evaluated(""), "2026/11/21/18/");
  EXPECT_EQ(Evaluated("orders/"), "orders/2026/11/21/18/");
  EXPECT_EQ(Evaluated("orders"), "orders2026/11/21/18/");
}

TEST(Prefix, WithATimestampIsAsItStands) {
  EXPECT_EQ(Evaluated("y=!{timestamp:yyyy}/m=!{timestamp:MM}/"), "y=2026/m=11/");
}

TEST(Prefix, QuotedTextInATimestampIsItself) {
  EXPECT_EQ(Evaluated("!{timestamp:'year='yyyy'/month='MM}/"), "year=2026/month=11/");
}

TEST(Prefix, PartitionKeysStandWhereTheyAreNamedAndAddNoHour) {
  PrefixInput input{.oldest_arrival_ms = kWhen,
                    .query_keys = {{"customer", "c1"}, {"day", "21"}},
                    .function_keys = {{"region", "eu"}}};
  EXPECT_EQ(
      Evaluated("c=!{partitionKeyFromQuery:customer}/r=!{partitionKeyFromLambda:region}/", input),
      "c=c1/r=eu/");
}

TEST(Prefix, AMissingOrEmptyPartitionKeyFailsByName) {
  PrefixInput input{.oldest_arrival_ms = kWhen, .query_keys = {{"empty", ""}}};
  EXPECT_EQ(Evaluated("!{partitionKeyFromQuery:customer}", input),
            "failed: partition key 'customer' was not found");
  EXPECT_EQ(Evaluated("!{partitionKeyFromQuery:empty}", input),
            "failed: partition key 'empty' is empty");
}

TEST(Prefix, IsAtMost512CharactersOnceEvaluated) {
  EXPECT_EQ(Evaluated(std::string(500, 'x') + "!{timestamp:yyyyyyyyy/MM}"),
            std::string(500, 'x') + "000002026/11");
  EXPECT_EQ(Evaluated(std::string(501, 'x') + "!{timestamp:yyyyyyyyy/MM}").substr(0, 25),
            "failed: the prefix has 51");
}

TEST(Prefix, ARandomStringHasElevenCharactersAndIsNewEachTime) {
  const std::string two = Evaluated("!{firehose:random-string}/!{firehose:random-string}/");
  ASSERT_EQ(two.size(), 24 + std::string("2026/11/21/18/").size());
  EXPECT_NE(two.substr(0, 11), two.substr(12, 11));
}

TEST(Prefix, SaysWhatIsWrongInAnExpression) {
  EXPECT_EQ(Evaluated("a/!{timestamp:yyyy"),
            "refused: '!{' is not closed in the prefix 'a/!{timestamp:yyyy'");
  EXPECT_EQ(Evaluated("!{time:yyyy}").substr(0, 41), "refused: there is no namespace 'time' in ");
  EXPECT_EQ(Evaluated("!{timestamp}").substr(0, 44),
            "refused: '!{timestamp}' is no expression: it");
  EXPECT_EQ(Evaluated("!{firehose:error-output-type}"),
            "refused: !{firehose:error-output-type} goes into the error output prefix only");
  EXPECT_EQ(Evaluated("!{timestamp:bb}").substr(0, 46),
            "refused: 'b' is no field of a time pattern; te");
}

TEST(Prefix, AnErrorPrefixTakesNoPartitionKeysAndNoHour) {
  const TimeZone utc;
  EXPECT_FALSE(Prefix::Parse("!{partitionKeyFromQuery:a}", Prefix::Use::kError, utc).ok());
  Random random(1);
  auto error = Prefix::Parse("bad/!{firehose:error-output-type}/", Prefix::Use::kError, utc);
  EXPECT_EQ(error->Evaluate({.error_output_type = "processing-failed"}, random).value(),
            "bad/processing-failed/");
}

TEST(Prefix, WithoutAnErrorPrefixErrorsStandBelowTheDataPrefixByDayOfYear) {
  Random random(1);
  auto error = DefaultErrorPrefix("orders/", TimeZone());
  EXPECT_EQ(
      error->Evaluate({.oldest_arrival_ms = kWhen, .error_output_type = "splunk-failed"}, random)
          .value(),
      "orders/splunk-failed/2026/11/325/18/");
}

Status Rules(std::string_view data, std::string_view error, bool is_partitioned) {
  const TimeZone utc;
  return ValidatePrefixes(Prefix::Parse(data, Prefix::Use::kData, utc).value(), error,
                          Prefix::Parse(error, Prefix::Use::kError, utc).value(), is_partitioned);
}

TEST(Prefixes, ObeyFirehosesRules) {
  constexpr std::string_view kError = "e/!{firehose:error-output-type}/";
  EXPECT_TRUE(Rules("a/", "", false).ok());
  EXPECT_TRUE(Rules("a/", "b/", false).ok());
  EXPECT_TRUE(Rules("a/!{timestamp:yyyy}", kError, false).ok());
  EXPECT_FALSE(Rules("a/!{timestamp:yyyy}", "", false).ok());
  EXPECT_FALSE(Rules("a/!{timestamp:yyyy}", "b/", false).ok());
  EXPECT_FALSE(Rules("a/", "b/!{timestamp:yyyy}/", false).ok());
  EXPECT_FALSE(Rules("!{partitionKeyFromQuery:a}", kError, false).ok());
  EXPECT_TRUE(Rules("!{partitionKeyFromQuery:a}", kError, true).ok());
  EXPECT_FALSE(Rules("a/", kError, true).ok());
}

TEST(TimePattern, FormatsEachField) {
  EXPECT_EQ(Formatted("yyyy-MM-dd'T'HH:mm:ss.SSSX"), "2026-11-21T18:05:09.042Z");
  EXPECT_EQ(Formatted("yy y M d H m s"), "26 2026 11 21 18 5 9");
  EXPECT_EQ(Formatted("MMM MMMM MMMMM EEE EEEE EEEEE"), "Nov November N Sat Saturday S");
  EXPECT_EQ(Formatted("DDD h a K k e"), "325 6 PM 6 18 7");
  EXPECT_EQ(Formatted("G GGGG"), "AD Anno Domini");
  EXPECT_EQ(Formatted("'o''clock' ''"), "o'clock '");
}

TEST(TimePattern, KnowsZonesAndTheirSummer) {
  const std::string pattern = "yyyy-MM-dd HH:mm z xxx xx Z VV";
  EXPECT_EQ(Formatted(pattern, kWhen, "Europe/Berlin"),
            "2026-11-21 19:05 CET +01:00 +0100 +0100 Europe/Berlin");
  EXPECT_EQ(Formatted("HH:mm z", 1'782'000'000'000, "Europe/Berlin"), "02:00 CEST");
  EXPECT_EQ(Formatted("HH:mm xxx X O", kWhen, "Asia/Kolkata"), "23:35 +05:30 +0530 GMT+5:30");
  EXPECT_EQ(TimeZone::Find("Mars/Olympus").status().code(), Code::kInvalidArgument);
}

TEST(TimePattern, WeeksBeginOnSundayAndTheFirstHasNewYearsDay) {
  auto week = [](WallMs day) { return Formatted("YYYY-'w'ww", day * 86'400'000); };
  EXPECT_EQ(week(16'857), "2016-w09");  // Friday 2016-02-26
  EXPECT_EQ(week(16'801), "2016-w01");  // Friday 2016-01-01
  EXPECT_EQ(week(16'803), "2016-w02");  // Sunday 2016-01-03
  EXPECT_EQ(week(16'800), "2016-w01");  // Thursday 2015-12-31
  EXPECT_EQ(week(16'796), "2016-w01");  // Sunday 2015-12-27
  EXPECT_EQ(week(16'795), "2015-w52");  // Saturday 2015-12-26
  EXPECT_EQ(week(17'166), "2016-w53");  // Saturday 2016-12-31
  EXPECT_EQ(week(17'167), "2017-w01");  // Sunday 2017-01-01
}

TEST(ObjectName, IsFirehoses) {
  EXPECT_EQ(ObjectName("orders", "3", kWhen, "1b4e28ba-2fa1-11d2-883f-0016d3cca427", ".gz"),
            "orders-3-2026-11-21-18-05-09-1b4e28ba-2fa1-11d2-883f-0016d3cca427.gz");
}

TEST(RotatedIndex, NamesThePeriod) {
  EXPECT_EQ(RotatedIndex("idx", "NoRotation", kWhen), "idx");
  EXPECT_EQ(RotatedIndex("idx", "OneHour", kWhen), "idx-2026-11-21-18");
  EXPECT_EQ(RotatedIndex("idx", "OneDay", kWhen), "idx-2026-11-21");
  EXPECT_EQ(RotatedIndex("idx", "OneWeek", kWhen), "idx-2026-w47");
  EXPECT_EQ(RotatedIndex("idx", "OneMonth", kWhen), "idx-2026-11");
}

}  // namespace
}  // namespace millrace::delivery
