#include "common/aws/input_types.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/codec/base64.h"

namespace millrace::aws {

namespace {

using Message = std::optional<std::string>;

// AWS repeats values whole; a message of megabytes helps nobody.
constexpr size_t kEchoBytesMax = 4096;
constexpr std::string_view kListText = "Start of list found where not expected";
constexpr std::string_view kStructureText = "Start of structure or map found where not expected.";

Message CoerceMember(const Member& member, Protocol protocol, json::Value& value);

// The Java class that AWS names for what it read.
std::string_view ClassName(const json::Value& value) {
  if (value.is_bool()) return "class java.lang.Boolean";
  if (value.is_string()) return "class java.lang.String";
  if (value.is_blob()) return "class java.nio.HeapByteBuffer";
  if (value.is_timestamp()) return "class java.util.Date";
  return "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
}

std::string NotConvertible(const json::Value& value, std::string_view to) {
  if (value.is_array()) return std::string(kListText);
  if (value.is_object()) return std::string(kStructureText);
  return std::string(ClassName(value)) + " can not be converted to " + std::string(to);
}

Message CoerceString(json::Value& value) {
  if (value.is_string()) return std::nullopt;
  return NotConvertible(value, "an String");
}

// Fractions are cut off and numbers beyond the type become its bounds, as AWS does it.
Message CoerceNumber(Type type, json::Value& value) {
  bool is_integer = type == Type::kInteger;
  if (!value.is_number() || (value.is_double() && std::isnan(value.AsDouble()))) {
    return NotConvertible(value, is_integer ? "an Integer" : "an Long");
  }
  int64_t number = value.AsInt();
  if (value.is_double()) {
    constexpr double kBound = 9223372036854775808.0;
    double whole = std::floor(value.AsDouble());
    number = whole >= kBound   ? std::numeric_limits<int64_t>::max()
             : whole < -kBound ? std::numeric_limits<int64_t>::min()
                               : static_cast<int64_t>(whole);
  }
  if (is_integer) {
    number = std::clamp<int64_t>(number, std::numeric_limits<int32_t>::min(),
                                 std::numeric_limits<int32_t>::max());
  }
  value = json::Value(number);
  return std::nullopt;
}

Message CoerceBoolean(json::Value& value) {
  if (value.is_bool()) return std::nullopt;
  if (!value.is_string()) return NotConvertible(value, "an Boolean");
  std::string upper = value.AsString();
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  bool yes = upper == "TRUE" || upper == "YES" || upper == "1";
  bool no = upper == "FALSE" || upper == "NO" || upper == "0";
  if (!yes && !no) return "'" + Echo(upper) + "' can not be converted to an Boolean";
  value = json::Value(yes);
  return std::nullopt;
}

bool IsBase64Char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

// Why `text`, which does not decode, is not base64.
std::string NotBase64(std::string_view text) {
  std::string message = "'" + Echo(text) + "' can not be converted to a Blob: ";
  if (text.size() % 4 != 0) {
    return message + "Base64 encoded length is expected a multiple of 4 bytes but found: " +
           std::to_string(text.size());
  }
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string_view digits = text.substr(0, text.size() - padding);
  auto wrong = std::ranges::find_if_not(digits, IsBase64Char);
  if (wrong != digits.end()) {
    // A char of several bytes is named by a mark that is one.
    char c = static_cast<unsigned char>(*wrong) < 0x80 ? *wrong : '?';
    return message + "Invalid Base64 character: '" + c + "'";
  }
  return message + "Invalid last non-pad Base64 character dectected";
}

Message CoerceBlob(Protocol protocol, json::Value& value) {
  if (value.is_blob()) return std::nullopt;
  if (!value.is_string() || protocol == Protocol::kCbor) return NotConvertible(value, "a Blob");
  std::optional<std::string> bytes = codec::Base64Decode(value.AsString());
  if (!bytes) return NotBase64(value.AsString());
  value = json::Value(json::Blob{*std::move(bytes)});
  return std::nullopt;
}

// A bare number is in the protocol's unit: seconds in JSON, milliseconds in CBOR.
Message CoerceTimestamp(Protocol protocol, json::Value& value) {
  if (value.is_timestamp()) return std::nullopt;
  double ms = value.AsDouble() * (protocol == Protocol::kJson ? 1000 : 1);
  // The year 9999 and then some; past it milliseconds would not be exact.
  constexpr double kMsMax = 9e15;
  if (!value.is_number() || !(std::abs(ms) <= kMsMax)) {
    return NotConvertible(value, "milliseconds since epoch");
  }
  value = json::Value(json::Timestamp{std::llround(ms)});
  return std::nullopt;
}

Message CoerceList(const Member& member, Protocol protocol, json::Value& value) {
  if (value.is_object()) return std::string(kStructureText);
  if (!value.is_array()) return "Expected list or null";
  for (json::Value& element : value.MutableArray()) {
    if (element.is_null()) continue;
    if (auto message = CoerceMember(member.members.at(0), protocol, element)) return message;
  }
  return std::nullopt;
}

Message CoerceMap(const Member& member, Protocol protocol, json::Value& value) {
  if (value.is_array()) return std::string(kListText);
  if (!value.is_object()) return "Expected map or null";
  for (auto& [name, element] : value.MutableObject()) {
    if (element.is_null()) continue;
    if (auto message = CoerceMember(member.members.at(1), protocol, element)) return message;
  }
  return std::nullopt;
}

Message CoerceMember(const Member& member, Protocol protocol, json::Value& value) {
  switch (member.type) {
    case Type::kString:
      return CoerceString(value);
    case Type::kInteger:
    case Type::kLong:
      return CoerceNumber(member.type, value);
    case Type::kBoolean:
      return CoerceBoolean(value);
    case Type::kBlob:
      return CoerceBlob(protocol, value);
    case Type::kTimestamp:
      return CoerceTimestamp(protocol, value);
    case Type::kList:
      return CoerceList(member, protocol, value);
    case Type::kMap:
      return CoerceMap(member, protocol, value);
    case Type::kStructure:
      return CoerceTypes(member.members, protocol, value);
  }
  return std::nullopt;
}

}  // namespace

std::string Echo(std::string_view text) {
  if (text.size() <= kEchoBytesMax) return std::string(text);
  size_t size = kEchoBytesMax;
  while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "...";
}

std::optional<std::string> CoerceTypes(const Shape& shape, Protocol protocol, json::Value& input) {
  if (input.is_array()) return std::string(kListText);
  if (!input.is_object()) return "Expected null";
  json::Object& object = input.MutableObject();
  std::erase_if(object, [](const json::Member& member) { return member.second.is_null(); });
  for (auto& [name, value] : object) {
    auto member = std::ranges::find(shape, name, &Member::name);
    if (member == shape.end()) continue;
    if (auto message = CoerceMember(*member, protocol, value)) return message;
  }
  return std::nullopt;
}

}  // namespace millrace::aws
