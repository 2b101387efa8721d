#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "common/json/value.h"

// Compares a CRD in crds/ with its C++ twin. For tests only; the working directory is the tree's
// root.
namespace millrace::resources {

using json::Value;

inline Value SpecSchema(const std::string& file) {
  std::ifstream in("crds/" + file);
  std::stringstream text;
  text << in.rdbuf();
  auto documents = json::ParseYaml(text.str());
  EXPECT_TRUE(documents.ok()) << documents.status().ToString();
  return (*documents)[0]
      .At("spec", "versions")
      .AsArray()[0]
      .At("schema", "openAPIV3Schema", "properties", "spec");
}

// The defaults that the API server would fill in, at every depth.
inline Value Defaults(const Value& schema) {
  Value out = schema["default"];
  for (const auto& [name, field] : schema["properties"].AsObject()) {
    if (out.Has(name) || (out.is_null() && !schema["default"].is_null())) continue;
    if (Value inner = field["default"]; !inner.is_null()) out.Set(name, inner);
  }
  return out;
}

// Walks one schema; `error_of` gives the twin's judgement of a spec.
class TwinCheck {
 public:
  explicit TwinCheck(std::function<std::string(const Value&)> error_of)
      : error_of_(std::move(error_of)) {}

  void Field(const std::vector<std::string>& path, const Value& schema) {
    const std::string& type = schema["type"].AsString();
    if (type == "integer") Integer(path, schema);
    if (type == "string") Text(path, schema);
    if (type == "array") {
      std::vector<std::string> items = path;
      items.emplace_back("[]");
      Field(items, schema["items"]);
    }
    for (const auto& [name, field] : schema["properties"].AsObject()) {
      std::vector<std::string> inner = path;
      inner.push_back(name);
      ExpectKnown(inner, field);
      Field(inner, field);
    }
  }

 private:
  static Value Document(const std::vector<std::string>& path, Value leaf) {
    for (auto it = path.rbegin(); it != path.rend(); ++it) {
      Value outer;
      if (*it == "[]") {
        outer.Append(std::move(leaf));
      } else {
        outer.Set(*it, std::move(leaf));
      }
      leaf = std::move(outer);
    }
    return leaf;
  }
  std::string Judge(const std::vector<std::string>& path, Value leaf) const {
    return error_of_(Document(path, std::move(leaf)));
  }
  void ExpectKnown(const std::vector<std::string>& path, const Value& schema) {
    const bool is_list = schema["type"].AsString() == "array";
    const bool is_map = schema["type"].AsString() == "object";
    const Value leaf = is_list ? Value(json::Array{}) : is_map ? Value(json::Object{}) : Value("x");
    EXPECT_EQ(Judge(path, leaf).find(path.back() + ": unknown field"), std::string::npos)
        << path.back();
  }
  void Integer(const std::vector<std::string>& path, const Value& schema) {
    ASSERT_TRUE(schema.Has("minimum") && schema.Has("maximum")) << path.back();
    const int64_t min = schema["minimum"].AsInt();
    const int64_t max = schema["maximum"].AsInt();
    EXPECT_NE(Judge(path, min - 1).find(path.back() + ": " + std::to_string(min - 1)),
              std::string::npos)
        << path.back();
    EXPECT_NE(Judge(path, max + 1).find(path.back() + ": " + std::to_string(max + 1)),
              std::string::npos)
        << path.back();
    for (int64_t good : {min, max}) {
      EXPECT_EQ(Judge(path, good).find(path.back() + ": "), std::string::npos)
          << path.back() << ": " << Judge(path, good);
    }
  }
  void Text(const std::vector<std::string>& path, const Value& schema) {
    if (schema.Has("enum")) {
      for (const Value& choice : schema["enum"].AsArray()) {
        EXPECT_EQ(Judge(path, choice).find("is none of"), std::string::npos) << path.back();
      }
      EXPECT_NE(Judge(path, "nonsense"), "") << path.back();
      return;
    }
    ASSERT_TRUE(schema.Has("maxLength")) << path.back() << " is unbounded";
    const size_t longest = static_cast<size_t>(schema["maxLength"].AsInt());
    EXPECT_NE(Judge(path, std::string(longest + 1, 'a')), "") << path.back();
  }

  const std::function<std::string(const Value&)> error_of_;
};

template <typename Spec>
void ExpectTwin(const std::string& file) {
  auto error_of = [](const Value& spec) {
    auto parsed = Spec::Parse(spec);
    return parsed.ok() ? std::string() : parsed.status().message();
  };
  TwinCheck(error_of).Field({}, SpecSchema(file));
}

// Every field that people see teaches something, and plain `kubectl apply` can hold the whole.
inline void ExpectDescribed(const std::string& file) {
  const std::function<void(const std::string&, const Value&)> walk = [&](const std::string& path,
                                                                         const Value& schema) {
    for (const auto& [name, field] : schema["properties"].AsObject()) {
      EXPECT_TRUE(field.Has("description")) << path << "." << name;
      walk(path + "." + name, field);
    }
    if (schema.Has("items")) walk(path + "[]", schema["items"]);
  };
  const Value spec = SpecSchema(file);
  walk(file, spec);
  constexpr size_t kAnnotationMax = 262'144;
  EXPECT_LT(json::WriteJson(spec).size(), kAnnotationMax / 4);
}

}  // namespace millrace::resources
