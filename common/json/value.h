#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace millrace::json {

class Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
// In the order it was written or read; names are unique (parsers refuse duplicates).
using Object = std::vector<Member>;

// Bytes and moments have no JSON type of their own: writers render them as their protocol does
// (base64 and epoch seconds in AWS JSON 1.1, byte strings and tagged epoch milliseconds in AWS
// CBOR).
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};
struct Timestamp {
  WallMs ms = 0;
  bool operator==(const Timestamp&) const = default;
};

// One value type for JSON, YAML and CBOR documents: resources, API inputs and outputs. A value
// type. Not for the data path, which never builds documents.
class Value {
 public:
  Value() = default;  // null
  Value(std::nullptr_t) {}
  Value(bool v) : v_(v) {}
  Value(int v) : v_(static_cast<int64_t>(v)) {}
  Value(int64_t v) : v_(v) {}
  Value(uint32_t v) : v_(static_cast<int64_t>(v)) {}
  Value(uint64_t v) : v_(static_cast<int64_t>(v)) {}
  Value(double v) : v_(v) {}
  Value(const char* v) : v_(std::string(v)) {}
  Value(std::string v) : v_(std::move(v)) {}
  Value(std::string_view v) : v_(std::string(v)) {}
  Value(Blob v) : v_(std::move(v)) {}
  Value(Timestamp v) : v_(v) {}
  Value(Array v) : v_(std::move(v)) {}
  Value(Object v) : v_(std::move(v)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(v_); }
  bool is_bool() const { return std::holds_alternative<bool>(v_); }
  bool is_int() const { return std::holds_alternative<int64_t>(v_); }
  bool is_double() const { return std::holds_alternative<double>(v_); }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(v_); }
  bool is_blob() const { return std::holds_alternative<Blob>(v_); }
  bool is_timestamp() const { return std::holds_alternative<Timestamp>(v_); }
  bool is_array() const { return std::holds_alternative<Array>(v_); }
  bool is_object() const { return std::holds_alternative<Object>(v_); }

  // The value, or a default where it is of another type; never a failure.
  bool AsBool(bool other = false) const;
  int64_t AsInt(int64_t other = 0) const;  // also a double without a fraction
  double AsDouble(double other = 0) const;
  const std::string& AsString() const;  // "" where it is no string
  const std::string& AsBlob() const;    // "" where it is no blob
  WallMs AsTimestampMs(WallMs other = 0) const;
  const Array& AsArray() const;    // empty where it is no array
  const Object& AsObject() const;  // empty where it is no object
  // A null or an array/object grows; on any other type a broken invariant.
  Array& MutableArray();
  Object& MutableObject();

  // The member, or null (a shared constant) where there is none or this is no object.
  const Value& operator[](std::string_view name) const;
  // The member, made where it is missing.
  Value& operator[](std::string_view name);
  // Nested members: At("spec", "streamModeDetails", "streamMode").
  template <typename... Names>
  const Value& At(std::string_view first, Names... rest) const {
    const Value& member = (*this)[first];
    if constexpr (sizeof...(rest) == 0) {
      return member;
    } else {
      return member.At(rest...);
    }
  }
  const Value* Find(std::string_view name) const;  // nullptr where there is none
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  void Set(std::string_view name, Value value) { (*this)[name] = std::move(value); }
  bool Remove(std::string_view name);
  void Append(Value value) { MutableArray().push_back(std::move(value)); }

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, Blob, Timestamp, Array, Object>
      v_;
};

// What a parser lets through; past it InvalidArgument with the place.
struct Limits {
  size_t depth_max = 32;
  size_t tokens_max = 100'000;
  size_t number_chars_max = 64;
};

// Strict JSON (RFC 8259): valid UTF-8, no duplicate names, nothing after the value.
Result<Value> ParseJson(std::string_view text, const Limits& limits = {});
// The documents of a YAML stream, empty ones left out; plain scalars get JSON's types by YAML's
// core schema. The limits hold for the whole stream. Merge keys (<<) and custom tags are refused.
Result<std::vector<Value>> ParseYaml(std::string_view text, const Limits& limits = {});
// Compact: no space after ':' or ',' (Fluent Bit looks for the literal "FailedRecordCount":0).
// Blobs as base64, timestamps as seconds with up to three decimals.
std::string WriteJson(const Value& value);
// Two-space indented, for people.
std::string WriteJsonPretty(const Value& value);
std::string WriteYaml(const Value& value);
// Appends `s` quoted and escaped.
void AppendJsonString(std::string& out, std::string_view s);

}  // namespace millrace::json
