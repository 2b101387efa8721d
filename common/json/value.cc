#include "common/json/value.h"

#include <algorithm>
#include <cmath>

#include "common/base/check.h"

namespace millrace::json {
namespace {

// Constants that are never destroyed, so that references to them hold at exit too.
template <typename T>
const T& Shared() {
  static const T* const empty = new T();
  return *empty;
}

template <typename T, typename Variant>
const T& GetOrEmpty(const Variant& v) {
  const T* held = std::get_if<T>(&v);
  return held != nullptr ? *held : Shared<T>();
}

template <typename T, typename Variant>
T& GetOrMake(Variant& v) {
  if (std::holds_alternative<std::monostate>(v)) v = T();
  T* held = std::get_if<T>(&v);
  CHECK(held != nullptr);
  return *held;
}

}  // namespace

bool Value::AsBool(bool other) const {
  const bool* held = std::get_if<bool>(&v_);
  return held != nullptr ? *held : other;
}

int64_t Value::AsInt(int64_t other) const {
  if (const auto* held = std::get_if<int64_t>(&v_)) return *held;
  const auto* held = std::get_if<double>(&v_);
  // 2^63 is the first double past what an int64_t holds.
  if (held == nullptr || !(*held >= -0x1p63 && *held < 0x1p63)) return other;
  return std::trunc(*held) == *held ? static_cast<int64_t>(*held) : other;
}

double Value::AsDouble(double other) const {
  if (const auto* held = std::get_if<int64_t>(&v_)) return static_cast<double>(*held);
  const auto* held = std::get_if<double>(&v_);
  return held != nullptr ? *held : other;
}

const std::string& Value::AsString() const { return GetOrEmpty<std::string>(v_); }
const std::string& Value::AsBlob() const { return GetOrEmpty<Blob>(v_).bytes; }

WallMs Value::AsTimestampMs(WallMs other) const {
  const auto* held = std::get_if<Timestamp>(&v_);
  return held != nullptr ? held->ms : other;
}

const Array& Value::AsArray() const { return GetOrEmpty<Array>(v_); }
const Object& Value::AsObject() const { return GetOrEmpty<Object>(v_); }
Array& Value::MutableArray() { return GetOrMake<Array>(v_); }
Object& Value::MutableObject() { return GetOrMake<Object>(v_); }

const Value* Value::Find(std::string_view name) const {
  for (const Member& member : AsObject()) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

const Value& Value::operator[](std::string_view name) const {
  const Value* found = Find(name);
  return found != nullptr ? *found : Shared<Value>();
}

Value& Value::operator[](std::string_view name) {
  Object& object = MutableObject();
  for (Member& member : object) {
    if (member.first == name) return member.second;
  }
  return object.emplace_back(std::string(name), Value()).second;
}

bool Value::Remove(std::string_view name) {
  if (!is_object()) return false;
  return std::erase_if(MutableObject(), [&](const Member& m) { return m.first == name; }) > 0;
}

}  // namespace millrace::json
