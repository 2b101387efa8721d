#include <gtest/gtest.h>

#include <limits>

#include "common/json/value.h"

namespace millrace::json {
namespace {

std::string ErrorOf(std::string_view text, const Limits& limits = {}) {
  auto value = ParseJson(text, limits);
  if (value.ok()) return "";
  EXPECT_EQ(value.status().code(), Code::kInvalidArgument);
  return value.status().message();
}

TEST(JsonParser, ReadsEveryType) {
  auto value = ParseJson(R"({"a":null,"b":true,"c":-7,"d":1.5,"e":"\u00e9\n","f":[1,[]],"g":{}})");
  ASSERT_TRUE(value.ok()) << value.status().ToString();
  const Value expected =
      Object{{"a", Value()},           {"b", true},    {"c", -7}, {"d", 1.5}, {"e", "\xC3\xA9\n"},
             {"f", Array{1, Array{}}}, {"g", Object{}}};
  EXPECT_EQ(*value, expected);
}

TEST(JsonParser, KeepsIntegersExactToTheEdges) {
  EXPECT_EQ(ParseJson("9223372036854775807")->AsInt(), INT64_MAX);
  EXPECT_EQ(ParseJson("-9223372036854775808")->AsInt(), INT64_MIN);
  EXPECT_TRUE(ParseJson("9223372036854775808")->is_double());
  EXPECT_TRUE(ParseJson("1e3")->is_double());
  EXPECT_EQ(ParseJson("1e3")->AsInt(), 1000);
}

TEST(JsonParser, RefusesWhatIsNotStrictJson) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "{a:1}",
                           "'a'",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "NaN",
                           "Infinity",
                           "// c\n1",
                           "1 2",
                           "{}x",
                           "\"\x01\"",
                           "\"\\x41\"",
                           "tru",
                           "\"\\ud800\"",
                           "\"\xff\"",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\"",
                           "1e999",
                           "[1 2]",
                           "\"abc"}) {
    EXPECT_NE(ErrorOf(text), "") << text;
  }
}

TEST(JsonParser, RefusesNamesThatStandTwice) {
  EXPECT_EQ(ErrorOf(R"({"a":1,"b":2,"a":3})"), "the name 'a' stands twice in one object");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":1,";
  EXPECT_EQ(ErrorOf(many + "\"k42\":1}"), "the name 'k42' stands twice in one object");
  EXPECT_EQ(ErrorOf(many + "\"k100\":{\"k42\":1}}"), "");
}

TEST(JsonParser, StopsAtEachLimit) {
  Limits limits{.depth_max = 3, .tokens_max = 10, .number_chars_max = 5};
  EXPECT_EQ(ErrorOf("[[[1]]]", limits), "");
  EXPECT_EQ(ErrorOf("[[[[1]]]]", limits), "nested deeper than 3 levels");
  EXPECT_EQ(ErrorOf("[1,2,3,4,5,6,7,8,9]", limits), "");
  EXPECT_EQ(ErrorOf("[1,2,3,4,5,6,7,8,9,10]", limits), "more than 10 values in one document");
  EXPECT_EQ(ErrorOf("12345", limits), "");
  EXPECT_NE(ErrorOf("123456", limits), "");
  EXPECT_NE(ErrorOf("-12345", limits), "");
  EXPECT_NE(ErrorOf("0.00001", limits), "");
}

TEST(JsonParser, DeepNestingCostsNoStack) {
  EXPECT_EQ(ErrorOf(std::string(1'000'000, '[')), "nested deeper than 32 levels");
}

TEST(JsonParser, ErrorNamesThePlaceAndNotTheText) {
  const std::string error = ErrorOf("{\"password\": sesame}");
  EXPECT_NE(error.find("line 1, column"), std::string::npos) << error;
  EXPECT_EQ(error.find("ses"), std::string::npos) << error;
}

TEST(JsonWriter, IsCompact) {
  const Value value =
      Object{{"FailedRecordCount", 0}, {"Records", Array{Object{}, Array{}, Value(), true}}};
  EXPECT_EQ(WriteJson(value), R"({"FailedRecordCount":0,"Records":[{},[],null,true]})");
}

TEST(JsonWriter, PrettyIndentsByTwo) {
  const Value value = Object{{"a", Array{1, 2}}, {"b", Object{}}};
  EXPECT_EQ(WriteJsonPretty(value), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}\n");
}

TEST(JsonWriter, EscapesWhatItMust) {
  EXPECT_EQ(WriteJson("a\"b\\c\n\r\t\b\f\x01\x7f/\xC3\xA9"),
            "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\\u007f/\xC3\xA9\"");
}

TEST(JsonWriter, ReplacesBytesThatAreNoText) {
  EXPECT_EQ(WriteJson("a\xff"
                      "b\xC3"),
            "\"a\\ufffdb\\ufffd\"");
}

TEST(JsonWriter, RendersBlobsAsBase64) {
  EXPECT_EQ(WriteJson(Blob{""}), "\"\"");
  EXPECT_EQ(WriteJson(Blob{"f"}), "\"Zg==\"");
  EXPECT_EQ(WriteJson(Blob{"fo"}), "\"Zm8=\"");
  EXPECT_EQ(WriteJson(Blob{"foo"}), "\"Zm9v\"");
  EXPECT_EQ(WriteJson(Blob{"\xfb\xff\xfe"}), "\"+//+\"");
}

TEST(JsonWriter, RendersMomentsAsSeconds) {
  EXPECT_EQ(WriteJson(Timestamp{1'700'000'000'000}), "1700000000");
  EXPECT_EQ(WriteJson(Timestamp{1'700'000'000'120}), "1700000000.12");
  EXPECT_EQ(WriteJson(Timestamp{1}), "0.001");
  EXPECT_EQ(WriteJson(Timestamp{-1}), "-0.001");
  EXPECT_EQ(WriteJson(Timestamp{-1500}), "-1.5");
}

TEST(JsonWriter, DoublesReadBackAsTheSameDoubles) {
  for (double number : {0.0, 1.0, -2.0, 0.1, 1e300, 5e-324, 1.0 / 3, 123456789.25}) {
    auto back = ParseJson(WriteJson(number));
    ASSERT_TRUE(back.ok());
    EXPECT_TRUE(back->is_double()) << number;
    EXPECT_EQ(back->AsDouble(), number);
  }
  EXPECT_EQ(WriteJson(std::numeric_limits<double>::infinity()), "null");
}

TEST(Value, AccessorsNeverFail) {
  const Value value = Object{{"text", "x"}, {"half", 0.5}};
  EXPECT_EQ(value["text"].AsInt(7), 7);
  EXPECT_EQ(value["half"].AsInt(7), 7);
  EXPECT_EQ(Value(1e30).AsInt(7), 7);
  EXPECT_EQ(value["none"]["deeper"].AsString(), "");
  EXPECT_EQ(value.At("none", "deeper", "still").AsBool(true), true);
  EXPECT_TRUE(Value(3).AsArray().empty());
  EXPECT_EQ(Value(3).AsDouble(), 3.0);
}

TEST(Value, MembersAreMadeSetAndRemoved) {
  Value value;
  value["a"]["b"] = 1;
  value.Set("c", Array{});
  value["c"].Append("x");
  EXPECT_EQ(WriteJson(value), R"({"a":{"b":1},"c":["x"]})");
  EXPECT_TRUE(value.Remove("a"));
  EXPECT_FALSE(value.Remove("a"));
  EXPECT_FALSE(value.Has("a"));
}

TEST(ValueDeathTest, GrowingAScalarAborts) {
  Value value = 1;
  EXPECT_DEATH(value.Append(2), "CHECK|failed|held");
}

}  // namespace
}  // namespace millrace::json
