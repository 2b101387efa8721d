// Golden requests and answers of the data operations, tests/wire/cases/*.txt, in JSON and in CBOR.
// A file is one server's life:
//
//   > PutRecord                                  an operation, then its input on one line
//   {"StreamName":"orders","Data":"aGk=","PartitionKey":"k"}
//   < 200                                        the status, then the answer on one line
//   {"ShardId":"shardId-000000000000","SequenceNumber":"{number:first}","EncryptionType":"NONE"}
//
// {number}, {iterator}, {time}, {behind} and {text} stand for what differs between runs;
// {number:first} keeps it, and {=first} in a later line is what was kept. {bytes:1000 of x} is so
// many bytes, in base64. `! split` closes shard 0 of "orders" and opens its children. Lines that
// begin with # say what the next case shows.
#include <fstream>
#include <regex>

#include "common/codec/base64.h"
#include "tests/dataplane/gateway/running_shard.h"

namespace millrace::gateway {
namespace {

using aws::Protocol;

struct Case {
  std::string title;
  std::string operation;
  std::string input;
  int status = 0;
  std::string answer;
};

class WireTest : public ::testing::TestWithParam<Protocol> {
 protected:
  void RunFile(const std::string& name) {
    map_ = RunningShard::MapOf("orders", 2);
    shard_.PutMap(map_);
    auto limited = RunningShard::MapOf("limited", 1, 8);
    limited.enforce_shard_limits = true;
    shard_.PutMap(limited);
    auto encrypted = RunningShard::MapOf("secret", 1, 9);
    encrypted.encrypted = true;
    encrypted.shards[0].extents[0].encrypted = true;
    shard_.PutMap(encrypted);
    auto automatic = RunningShard::MapOf("automatic", 1, 11);
    automatic.auto_distribution = true;
    shard_.PutMap(automatic);
    shard_.Start();
    std::ifstream file("tests/wire/cases/" + name);
    ASSERT_TRUE(file) << name;
    Case one;
    for (std::string line; std::getline(file, line);) {
      if (line.empty()) continue;
      if (line[0] == '#') {
        one.title = line.substr(1);
      } else if (line == "! split") {
        map_ = RunningShard::Split(map_);
        shard_.PutMap(map_);
        shard_.AwaitVersion(7, map_.version);
      } else if (line[0] == '>') {
        one.operation = line.substr(2);
        std::getline(file, one.input);
      } else if (line[0] == '<') {
        one.status = std::stoi(line.substr(2));
        std::getline(file, one.answer);
        RunCase(one);
        ++cases_;
      } else {
        FAIL() << name << ": " << line;
      }
    }
    EXPECT_GT(cases_, 0);
  }

  void RunCase(const Case& one) {
    SCOPED_TRACE(one.operation + ":" + one.title + ": " + one.input);
    json::Value input = *json::ParseJson(Fill(one.input));
    if (GetParam() == Protocol::kCbor) ToNative(input);
    const RunningShard::Answer answer = shard_.Call(one.operation, input, GetParam());
    EXPECT_EQ(answer.status, one.status);
    // A document renders the same from both protocols: blobs as base64, times as seconds.
    Compare(json::WriteJson(Sorted(answer.body)),
            json::WriteJson(Sorted(*json::ParseJson(Fill(one.answer)))));
    EXPECT_EQ(answer.headers.empty(), false);
  }

  // Members in the order of their names, as neither protocol promises one.
  static json::Value Sorted(const json::Value& value) {
    if (value.is_array()) {
      json::Array out;
      for (const json::Value& element : value.AsArray()) out.push_back(Sorted(element));
      return out;
    }
    if (!value.is_object()) return value;
    json::Object out;
    for (const auto& [name, member] : value.AsObject()) out.emplace_back(name, Sorted(member));
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.first < b.first; });
    return out;
  }

  // Blobs and times as CBOR has them.
  static void ToNative(json::Value& value) {
    if (value.is_array()) {
      for (json::Value& element : value.MutableArray()) ToNative(element);
    }
    if (!value.is_object()) return;
    for (auto& [name, member] : value.MutableObject()) {
      if (name == "Data" && member.is_string()) {
        const auto bytes = codec::Base64Decode(member.AsString());
        if (bytes) member = json::Blob{*bytes};
      } else if (name == "Timestamp" && member.is_number()) {
        member = json::Timestamp{static_cast<WallMs>(member.AsDouble() * 1000)};
      } else {
        ToNative(member);
      }
    }
  }

  std::string Fill(std::string text) const {
    for (const auto& [name, value] : kept_) {
      const std::string hole = "{=" + name + "}";
      for (size_t at = text.find(hole); at != std::string::npos; at = text.find(hole)) {
        text.replace(at, hole.size(), value);
      }
    }
    return WithBytes(text);
  }

  static std::string WithBytes(std::string text) {
    static const std::regex kHole("\\{bytes:(\\d+) of (.)\\}");
    for (std::smatch hole; std::regex_search(text, hole, kHole);) {
      const std::string bytes(std::stoul(hole[1]), *hole[2].first);
      text = hole.prefix().str() + codec::Base64Encode(bytes) + hole.suffix().str();
    }
    return text;
  }

  void Compare(const std::string& said, const std::string& expected) {
    static const std::map<std::string, std::string> kPatterns = {
        {"number", "\\d{56}"},
        {"iterator", "[A-Za-z0-9+/=]{104}"},
        {"time", "\\d{10}(?:\\.\\d{1,3})?"},
        {"behind", "[1-9]\\d*"},
        {"text", ".*?"}};
    static const std::regex kHole("\\{(number|iterator|time|behind|text)(?::(\\w+))?\\}");
    std::string pattern;
    std::vector<std::string> names;
    size_t at = 0;
    for (std::sregex_iterator it(expected.begin(), expected.end(), kHole), end; it != end; ++it) {
      pattern += Quoted(expected.substr(at, static_cast<size_t>(it->position()) - at));
      std::string inner = "(" + kPatterns.at((*it)[1]) + ")";
      at = static_cast<size_t>(it->position() + it->length());
      // These are numbers, where a case file can only hold text.
      if ((*it)[1] == "time" || (*it)[1] == "behind") {
        pattern.pop_back();
        ++at;
      }
      pattern += inner;
      names.push_back((*it)[2]);
    }
    pattern += Quoted(expected.substr(at));
    std::smatch match;
    ASSERT_TRUE(std::regex_match(said, match, std::regex(pattern)))
        << "said:     " << said << "\nexpected: " << expected;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!names[i].empty()) kept_[names[i]] = match[i + 1];
    }
  }
  static std::string Quoted(const std::string& text) {
    static const std::regex kSpecial(R"([.^$|()\[\]{}*+?\\/])");
    return std::regex_replace(text, kSpecial, R"(\$&)");
  }

  RunningShard shard_;
  RunningShard::Map map_;
  std::map<std::string, std::string> kept_;
  int cases_ = 0;
};

TEST_P(WireTest, Put) { RunFile("put.txt"); }
TEST_P(WireTest, PutRefusals) { RunFile("put_refusals.txt"); }
TEST_P(WireTest, Get) { RunFile("get.txt"); }
TEST_P(WireTest, Iterators) { RunFile("iterators.txt"); }
TEST_P(WireTest, Reshard) { RunFile("reshard.txt"); }
TEST_P(WireTest, Subscribe) { RunFile("subscribe.txt"); }

INSTANTIATE_TEST_SUITE_P(Protocols, WireTest, ::testing::Values(Protocol::kJson, Protocol::kCbor),
                         [](const auto& protocol) {
                           return protocol.param == Protocol::kJson ? "Json" : "Cbor";
                         });

}  // namespace
}  // namespace millrace::gateway
