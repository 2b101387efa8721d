#include "common/aws/kinesis_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/common/aws/samples.h"

namespace millrace::aws {
namespace {

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kString:
      return "string";
    case Type::kInteger:
      return "integer";
    case Type::kLong:
      return "long";
    case Type::kBoolean:
      return "boolean";
    case Type::kBlob:
      return "blob";
    case Type::kTimestamp:
      return "timestamp";
    case Type::kList:
      return "list";
    case Type::kMap:
      return "map";
    case Type::kStructure:
      return "structure";
  }
  return "";
}

// The model anchors two patterns as ^(...)$; ours are anchored by the matching.
std::string Unanchored(std::string pattern) {
  bool wrapped = pattern.starts_with("^(") && pattern.ends_with(")$");
  return wrapped ? pattern.substr(2, pattern.size() - 4) : pattern;
}

void ExpectMember(const Member& ours, const json::Value& model, const std::string& path) {
  EXPECT_EQ(TypeName(ours.type), model["type"].AsString()) << path;
  EXPECT_EQ(ours.required, model["required"].AsBool()) << path;
  EXPECT_EQ(ours.min, model.Has("min") ? std::optional(model["min"].AsInt()) : std::nullopt)
      << path;
  EXPECT_EQ(ours.max, model.Has("max") ? std::optional(model["max"].AsInt()) : std::nullopt)
      << path;
  EXPECT_EQ(ours.pattern, Unanchored(model["pattern"].AsString())) << path;
  std::set<std::string> values;
  for (const json::Value& value : model["enum"].AsArray()) values.insert(value.AsString());
  EXPECT_EQ(std::set<std::string>(ours.one_of.begin(), ours.one_of.end()), values) << path;
}

void ExpectShape(const Shape& ours, const json::Object& model, const std::string& path);

void ExpectNested(const Member& ours, const json::Value& model, const std::string& path) {
  ExpectMember(ours, model, path);
  if (ours.type == Type::kStructure) {
    ExpectShape(ours.members, model["members"].AsObject(), path);
  } else if (ours.type == Type::kList) {
    ASSERT_EQ(ours.members.size(), 1U) << path;
    ExpectNested(ours.members[0], model["member"], path + "[]");
  } else if (ours.type == Type::kMap) {
    ASSERT_EQ(ours.members.size(), 2U) << path;
    ExpectNested(ours.members[0], model["key"], path + ".key");
    ExpectNested(ours.members[1], model["value"], path + ".value");
  }
}

void ExpectShape(const Shape& ours, const json::Object& model, const std::string& path) {
  ASSERT_EQ(ours.size(), model.size()) << path;
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].name, model[i].first) << path;
    ExpectNested(ours[i], model[i].second, path + "." + model[i].first);
  }
}

TEST(KinesisShapes, EveryOperationOfTheModelIsServedOrNamedAsNotOffered) {
  std::vector<std::string> served;
  std::vector<std::string> not_offered;
  for (const auto& [operation, members] : ReadSample("kinesis_inputs.json").AsObject()) {
    (members.is_null() ? not_offered : served).push_back(operation);
  }
  auto ours = KinesisOperations();
  auto missing = KinesisOperationsNotOffered();
  EXPECT_EQ(std::vector<std::string>(ours.begin(), ours.end()), served);
  EXPECT_EQ(std::vector<std::string>(missing.begin(), missing.end()), not_offered);
  EXPECT_EQ(served.size() + not_offered.size(), 57U);
}

TEST(KinesisShapes, InputsAreThoseOfTheModel) {
  for (const auto& [operation, members] : ReadSample("kinesis_inputs.json").AsObject()) {
    if (members.is_object()) {
      ExpectShape(KinesisInputShape(operation), members.AsObject(), operation);
    }
  }
}

}  // namespace
}  // namespace millrace::aws
