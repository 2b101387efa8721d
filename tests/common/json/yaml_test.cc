#include <gtest/gtest.h>

#include "common/base/random.h"
#include "common/json/value.h"

namespace millrace::json {
namespace {

Value One(std::string_view text) {
  auto documents = ParseYaml(text);
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  if (!documents.ok() || documents->size() != 1) return "not one document";
  return documents->front();
}

std::string ErrorOf(std::string_view text, const Limits& limits = {}) {
  auto documents = ParseYaml(text, limits);
  if (documents.ok()) return "";
  EXPECT_EQ(documents.status().code(), Code::kInvalidArgument);
  return documents.status().message();
}

constexpr std::string_view kStream = R"(# a stream
apiVersion: millrace.dev/v1alpha1
kind: Stream
metadata: {name: orders, labels: {team: shop}}
spec:
  shardCount: 4
  scaling:
    scaleUp:   {windowSeconds: 6}      # panic window
  consumers:
  - consumerName: fraud
  - consumerName: "42"
  note: |
    two
    lines
)";

TEST(YamlParser, ReadsAResource) {
  EXPECT_EQ(
      WriteJson(One(kStream)),
      R"({"apiVersion":"millrace.dev/v1alpha1","kind":"Stream","metadata":{"name":"orders","labels":)"
      R"({"team":"shop"}},"spec":{"shardCount":4,"scaling":{"scaleUp":{"windowSeconds":6}},)"
      R"("consumers":[{"consumerName":"fraud"},{"consumerName":"42"}],"note":"two\nlines\n"}})");
}

TEST(YamlParser, ReadsJsonToo) {
  EXPECT_EQ(WriteJson(One(R"({"a": [1, "b", null]})")), R"({"a":[1,"b",null]})");
}

TEST(YamlParser, SplitsDocumentsAndLeavesEmptyOnesOut) {
  auto documents = ParseYaml("---\na: 1\n---\n# nothing\n---\nb: 2\n---\n");
  ASSERT_TRUE(documents.ok()) << documents.status().ToString();
  EXPECT_EQ(WriteJson(Array(*documents)), R"([{"a":1},{"b":2}])");
  EXPECT_TRUE(ParseYaml("")->empty());
  EXPECT_TRUE(ParseYaml("# only a comment\n")->empty());
}

TEST(YamlParser, TypesPlainScalarsByTheCoreSchema) {
  EXPECT_EQ(
      WriteJson(One("[~, null, NULL, true, False, 0, -12, +3, 0x1F, 0o17, 1.5, -1e3, .5, 1.]")),
      "[null,null,null,true,false,0,-12,3,31,15,1.5,-1000.0,0.5,1.0]");
  EXPECT_EQ(
      WriteJson(
          One("[yes, on, nUll, 0x, 0o8, 1e, e1, '1', \"true\", 12:30:00, 1_000, 2026-01-01, -]")),
      R"(["yes","on","nUll","0x","0o8","1e","e1","1","true","12:30:00","1_000","2026-01-01","-"])");
  EXPECT_EQ(One("9223372036854775807").AsInt(), INT64_MAX);
  EXPECT_TRUE(One("9223372036854775808").is_double());
}

TEST(YamlParser, HonoursExplicitCoreTags) {
  EXPECT_EQ(WriteJson(One("[!!str 1, !!int 1, !!float 1, !!bool true, !!null '', ! x]")),
            R"(["1",1,1.0,true,null,"x"])");
  EXPECT_NE(ErrorOf("!!int x"), "");
  EXPECT_NE(ErrorOf("!!binary aGk="), "");
  EXPECT_NE(ErrorOf("!Ref thing"), "");
  EXPECT_NE(ErrorOf("!!set {a}"), "");
}

TEST(YamlParser, EscapesGiveCharactersNotBytes) {
  EXPECT_EQ(One(R"("\x41\u00e9\N\_\L\x82\0")").AsString(),
            std::string("A\xC3\xA9\xC2\x85\xC2\xA0\xE2\x80\xA8\xC2\x82\0", 13));
}

TEST(YamlParser, CopiesWhatAnAliasNames) {
  EXPECT_EQ(WriteJson(One("a: &x {b: [1]}\nc: *x\nd: &y 7\ne: *y\n")),
            R"({"a":{"b":[1]},"c":{"b":[1]},"d":7,"e":7})");
}

TEST(YamlParser, RefusesAliasBombsEarly) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    std::string name = "a" + std::to_string(i);
    bomb +=
        name + ": &" + name + " [" + before + ", " + before + ", " + before + ", " + before + "]\n";
  }
  EXPECT_NE(ErrorOf(bomb).find("more than 100000 values"), std::string::npos);
  EXPECT_NE(ErrorOf("&a [*a]").find("inside what it names"), std::string::npos);
}

TEST(YamlParser, RefusesWhatHasNoPlaceInJson) {
  for (const char* text : {"a: 1\na: 2",
                           "{a: 1, a: 2}",
                           "? [1]\n: x",
                           "~: x",
                           "<<: {a: 1}",
                           "a: .inf",
                           "a: .NaN",
                           "a: 1e999",
                           "a: *none",
                           "a: [1",
                           "a: 'x",
                           "\ta: 1",
                           "a: b: c",
                           "a: \"\\ud800\"",
                           "x\x04y",
                           "a: \x01",
                           "\xff\xfe",
                           "a: \x80",
                           "%YAML 3.0\n---\na: 1",
                           "a: @x",
                           "&a a: 1\n*a : 2"}) {
    EXPECT_NE(ErrorOf(text), "") << text;
  }
}

TEST(YamlParser, StopsAtEachLimit) {
  Limits limits{.depth_max = 3, .tokens_max = 10, .number_chars_max = 5};
  EXPECT_EQ(ErrorOf("[[[1]]]", limits), "");
  EXPECT_EQ(ErrorOf("[[[[1]]]]", limits), "YAML: line 1, column 4: nested deeper than 3 levels");
  EXPECT_NE(ErrorOf("[1,2,3,4,5,6,7,8,9,10]", limits), "");
  EXPECT_NE(ErrorOf("123456", limits), "");
  EXPECT_NE(ErrorOf("a: &x [[1]]\nb: [*x]", limits), "");
  EXPECT_NE(ErrorOf("---\n---\n---\n---\n---\n---\n---\n---\n---\n---\n---\n", limits), "");
  EXPECT_NE(ErrorOf(std::string(100'000, '[')), "");
  EXPECT_NE(ErrorOf(std::string(100'000, '{')), "");
}

TEST(YamlParser, ErrorNamesThePlace) {
  EXPECT_EQ(ErrorOf("a: 1\nb:\n  c: 2\n  c: 3\n"),
            "YAML: line 3, column 3: the name 'c' stands twice in one object");
}

TEST(YamlWriter, WritesBlocksThatPeopleRead) {
  EXPECT_EQ(WriteYaml(One(kStream)), R"(apiVersion: millrace.dev/v1alpha1
kind: Stream
metadata:
  name: orders
  labels:
    team: shop
spec:
  shardCount: 4
  scaling:
    scaleUp:
      windowSeconds: 6
  consumers:
  - consumerName: fraud
  - consumerName: "42"
  note: |
    two
    lines
)");
  EXPECT_EQ(
      WriteYaml(Object{
          {"a", Array{}}, {"b", Object{}}, {"c", Array{Array{1, 2}, Object{{"d", Value()}}}}}),
      "a: []\nb: {}\nc:\n- - 1\n  - 2\n- d: null\n");
  EXPECT_EQ(WriteYaml(Value()), "null\n");
}

TEST(YamlWriter, QuotesOnlyWhereItMust) {
  for (const char* text :
       {"orders", "a b", "arn:aws:kinesis:local:0:stream/orders", "http://x:80/y?z#w", "ON_DEMAND",
        "shardId-000000000000", "é", "日本", "a'b", "a\"b", "2nd"}) {
    EXPECT_EQ(WriteYaml(text), std::string(text) + "\n");
  }
  for (const char* text :
       {"",     " a",       "a ",           "true", "No",         "null",  "~",     "1",
        "0x1",  "1.5",      "1e3",          "-",    "- a",        "a: b",  "a:",    "a #b",
        "#a",   "[a]",      "{a}",          "&a",   "*a",         "!a",    "%a",    "@a",
        "`a",   "'a'",      "\"a\"",        "<<",   "2026-01-01", "12:30", "1_000", "a\tb",
        "\x7f", "\xC2\x85", "\xEF\xBB\xBF", "=",    "---",        "..."}) {
    EXPECT_EQ(WriteYaml(text).front(), '"') << text;
    EXPECT_EQ(One(WriteYaml(text)).AsString(), text);
  }
}

// A value of JSON's types made of text that is awkward in YAML.
Value RandomValue(Random& random, int depth) {
  static constexpr const char* kPieces[] = {"a",    "\n",  " ",  ":",  "#",  "- ",   "'",   "\"",
                                            "\\",   "|",   "1",  "\t", "é",  "{",    "]",   ",",
                                            "true", "...", "\r", "&x", "*x", "\x01", "---", "%",
                                            "\n\n", "  ",  "?",  "!",  ">",  "null"};
  auto text = [&] {
    std::string out;
    for (uint64_t i = random.Below(6); i > 0; --i) out += kPieces[random.Below(std::size(kPieces))];
    return out;
  };
  switch (random.Below(depth > 0 ? 8 : 6)) {
    case 0:
      return {};
    case 1:
      return random.OneIn(2);
    case 2:
      return static_cast<int64_t>(random.Next());
    case 3:
      return static_cast<double>(random.Below(1000)) / 8;
    case 4:
    case 5:
      return text();
    case 6: {
      Array array;
      for (uint64_t i = random.Below(4); i > 0; --i)
        array.push_back(RandomValue(random, depth - 1));
      return array;
    }
    default: {
      Value object = Object{};
      for (uint64_t i = random.Below(4); i > 0; --i)
        object.Set(text(), RandomValue(random, depth - 1));
      return object;
    }
  }
}

TEST(YamlWriter, WhatItWritesReadsBackTheSame) {
  Random random(20261121);
  for (int i = 0; i < 20'000; ++i) {
    const Value value = Object{{"v", RandomValue(random, 4)}};
    const std::string text = WriteYaml(value);
    auto back = ParseYaml(text);
    ASSERT_TRUE(back.ok()) << back.status().ToString() << "\n" << text;
    ASSERT_EQ(back->size(), 1U) << text;
    ASSERT_EQ(back->front(), value) << text << "\n"
                                    << WriteJson(value) << "\n"
                                    << WriteJson(back->front());
    auto json = ParseJson(WriteJson(value));
    ASSERT_TRUE(json.ok());
    ASSERT_EQ(*json, value);
  }
}

TEST(YamlWriter, WritesNamesPastYamlsLimitForSimpleOnes) {
  const Value value = Object{{std::string(2000, 'k'), Object{{"a", 1}}}, {"b", 2}};
  EXPECT_EQ(One(WriteYaml(value)), value);
}

}  // namespace
}  // namespace millrace::json
