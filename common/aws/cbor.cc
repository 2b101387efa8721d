#include "common/aws/cbor.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "common/aws/protocol.h"
#include "common/json/text.h"

namespace millrace::aws {

namespace {

enum Major : uint8_t {
  kUnsigned = 0,
  kNegative = 1,
  kBytes = 2,
  kText = 3,
  kArray = 4,
  kMap = 5,
  kTag = 6,
  kSimple = 7,
};
constexpr uint8_t kIndefinite = 31;
constexpr uint8_t kBreak = 0xFF;
// A bignum beyond a double's range is nothing a client means.
constexpr size_t kBignumBytesMax = 128;
// From this size on a sorted copy finds duplicates faster than comparing all pairs.
constexpr size_t kPairwiseKeysMax = 12;
// Nested containers may each declare as much as is left; past this they grow as they are filled.
constexpr uint64_t kReservedItemsMax = 512;

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    size_t size = json::Utf8CharSize(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

double DoubleFromHalf(uint16_t half) {
  int exponent = (half >> 10) & 0x1F;
  double mantissa = half & 0x3FF;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent == 31) {
    value = mantissa == 0 ? std::numeric_limits<double>::infinity()
                          : std::numeric_limits<double>::quiet_NaN();
  } else {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

bool HasDuplicateNames(const json::Object& object) {
  if (object.size() <= kPairwiseKeysMax) {
    for (size_t i = 1; i < object.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (object[i].first == object[j].first) return true;
      }
    }
    return false;
  }
  std::vector<std::string_view> names;
  names.reserve(object.size());
  for (const auto& member : object) names.push_back(member.first);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

// A recursive-descent reader whose recursion is bounded by limits.depth_max.
class Reader {
 public:
  Reader(std::string_view body, const json::Limits& limits) : body_(body), limits_(limits) {}

  Result<json::Value> Document() {
    ASSIGN_OR_RETURN(json::Value value, Item(0));
    if (at_ != body_.size()) return Refuse("bytes after the document");
    return value;
  }

 private:
  struct Head {
    uint8_t major = 0;
    uint8_t info = 0;
    uint64_t argument = 0;
    bool indefinite() const { return info == kIndefinite; }
  };

  Status Refuse(std::string_view what) const {
    return InvalidArgument("CBOR: " + std::string(what) + " at byte " + std::to_string(at_));
  }
  size_t Left() const { return body_.size() - at_; }
  bool AtBreak() const { return Left() > 0 && static_cast<uint8_t>(body_[at_]) == kBreak; }

  Result<Head> ReadHead() {
    if (Left() == 0) return Refuse("the document ends early");
    auto first = static_cast<uint8_t>(body_[at_++]);
    Head head{static_cast<uint8_t>(first >> 5), static_cast<uint8_t>(first & 31), 0};
    if (head.info < 24) {
      head.argument = head.info;
    } else if (head.info < 28) {
      size_t width = size_t{1} << (head.info - 24);
      if (Left() < width) return Refuse("the document ends early");
      for (size_t i = 0; i < width; ++i) {
        head.argument = head.argument << 8 | static_cast<uint8_t>(body_[at_++]);
      }
    } else if (head.info != kIndefinite) {
      return Refuse("a reserved length");
    }
    return head;
  }

  Result<json::Value> Item(size_t depth) {
    if (depth >= limits_.depth_max) return Refuse("nested too deep");
    if (++tokens_ > limits_.tokens_max) return Refuse("too many items");
    ASSIGN_OR_RETURN(Head head, ReadHead());
    switch (head.major) {
      case kUnsigned:
      case kNegative:
        return Integer(head);
      case kBytes: {
        ASSIGN_OR_RETURN(std::string bytes, String(head));
        return json::Value(json::Blob{std::move(bytes)});
      }
      case kText: {
        ASSIGN_OR_RETURN(std::string text, String(head));
        return json::Value(std::move(text));
      }
      case kArray:
        return Array(head, depth);
      case kMap:
        return Map(head, depth);
      case kTag:
        return Tagged(head, depth);
      default:
        return Simple(head);
    }
  }

  Result<json::Value> Integer(const Head& head) {
    if (head.indefinite()) return Refuse("an integer of indefinite length");
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (head.argument <= kMax) {
      auto value = static_cast<int64_t>(head.argument);
      return json::Value(head.major == kNegative ? -1 - value : value);
    }
    auto value = static_cast<double>(head.argument);
    return json::Value(head.major == kNegative ? -1 - value : value);
  }

  // The bytes of a byte or text string, its head already read; chunks are joined.
  Result<std::string> String(const Head& head) {
    if (!head.indefinite()) {
      ASSIGN_OR_RETURN(std::string_view bytes, Bytes(head));
      return std::string(bytes);
    }
    std::string joined;
    while (!AtBreak()) {
      if (++tokens_ > limits_.tokens_max) return Refuse("too many items");
      ASSIGN_OR_RETURN(Head chunk, ReadHead());
      if (chunk.major != head.major || chunk.indefinite()) return Refuse("a chunk of another type");
      ASSIGN_OR_RETURN(std::string_view bytes, Bytes(chunk));
      joined += bytes;
    }
    ++at_;
    return joined;
  }

  Result<std::string_view> Bytes(const Head& head) {
    if (head.argument > Left()) return Refuse("a string longer than the document");
    std::string_view bytes = body_.substr(at_, static_cast<size_t>(head.argument));
    if (head.major == kText && !IsUtf8(bytes)) return Refuse("text that is not UTF-8");
    at_ += bytes.size();
    return bytes;
  }

  Result<json::Value> Array(const Head& head, size_t depth) {
    json::Array array;
    if (!head.indefinite()) {
      if (head.argument > Left()) return Refuse("an array longer than the document");
      array.reserve(static_cast<size_t>(std::min(head.argument, kReservedItemsMax)));
    }
    while (head.indefinite() ? !AtBreak() : array.size() < head.argument) {
      ASSIGN_OR_RETURN(json::Value element, Item(depth + 1));
      array.push_back(std::move(element));
    }
    if (head.indefinite()) ++at_;
    return json::Value(std::move(array));
  }

  Result<json::Value> Map(const Head& head, size_t depth) {
    json::Object object;
    if (!head.indefinite()) {
      if (head.argument > Left() / 2) return Refuse("a map longer than the document");
      object.reserve(static_cast<size_t>(std::min(head.argument, kReservedItemsMax)));
    }
    while (head.indefinite() ? !AtBreak() : object.size() < head.argument) {
      ASSIGN_OR_RETURN(Head key, ReadHead());
      if (key.major != kText) return Refuse("a map key that is not text");
      ASSIGN_OR_RETURN(std::string name, String(key));
      ASSIGN_OR_RETURN(json::Value value, Item(depth + 1));
      object.emplace_back(std::move(name), std::move(value));
    }
    if (head.indefinite()) ++at_;
    if (HasDuplicateNames(object)) return Refuse("a map with a key twice");
    return json::Value(std::move(object));
  }

  Result<json::Value> Tagged(const Head& head, size_t depth) {
    if (head.indefinite() || head.argument > 3) return Refuse("an unknown tag");
    ASSIGN_OR_RETURN(json::Value value, Item(depth + 1));
    switch (head.argument) {
      case 0:
        if (value.is_string()) return value;
        break;
      case 1:
        return Moment(value);
      default:
        if (value.is_blob()) return Bignum(value.AsBlob(), head.argument == 3);
        break;
    }
    return Refuse("a tag on an item of another type");
  }

  Result<json::Value> Moment(const json::Value& value) const {
    if (value.is_int()) return json::Value(json::Timestamp{value.AsInt()});
    // The first doubles that an int64 cannot hold.
    constexpr double kBound = 9223372036854775808.0;
    double ms = value.is_double() ? value.AsDouble() : kBound;
    if (!(ms > -kBound && ms < kBound)) return Refuse("a time that is no number of milliseconds");
    return json::Value(json::Timestamp{std::llround(ms)});
  }

  Result<json::Value> Bignum(std::string_view bytes, bool negative) const {
    while (!bytes.empty() && bytes.front() == '\0') bytes.remove_prefix(1);
    if (bytes.size() > kBignumBytesMax) return Refuse("a number too large");
    if (bytes.size() < sizeof(int64_t)) {
      int64_t value = 0;
      for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
      return json::Value(negative ? -1 - value : value);
    }
    double value = 0;
    for (char byte : bytes) value = value * 256 + static_cast<uint8_t>(byte);
    if (std::isinf(value)) return Refuse("a number too large");
    return json::Value(negative ? -1 - value : value);
  }

  Result<json::Value> Simple(const Head& head) const {
    switch (head.info) {
      case 20:
      case 21:
        return json::Value(head.info == 21);
      case 22:
      case 23:  // undefined
        return json::Value(nullptr);
      case 25:
        return json::Value(DoubleFromHalf(static_cast<uint16_t>(head.argument)));
      case 26:
        return json::Value(double{std::bit_cast<float>(static_cast<uint32_t>(head.argument))});
      case 27:
        return json::Value(std::bit_cast<double>(head.argument));
      default:
        return Refuse("an unknown simple value");
    }
  }

  const std::string_view body_;
  const json::Limits limits_;
  size_t at_ = 0;
  size_t tokens_ = 0;
};

void AppendDouble(std::string& out, double value) {
  auto bits = std::bit_cast<uint64_t>(value);
  out += static_cast<char>(kSimple << 5 | 27);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
}

void AppendInteger(std::string& out, int64_t value) {
  if (value >= 0) {
    AppendCborHead(out, kUnsigned, static_cast<uint64_t>(value));
  } else {
    AppendCborHead(out, kNegative, static_cast<uint64_t>(-1 - value));
  }
}

}  // namespace

Result<json::Value> ParseCbor(std::string_view body, const json::Limits& limits) {
  return Reader(body, limits).Document();
}

void AppendCborHead(std::string& out, uint8_t major, uint64_t argument) {
  auto type = static_cast<uint8_t>(major << 5);
  if (argument < 24) {
    out += static_cast<char>(type | argument);
    return;
  }
  int width_log2 = argument <= 0xFF ? 0 : argument <= 0xFFFF ? 1 : argument <= 0xFFFFFFFF ? 2 : 3;
  out += static_cast<char>(type | (24 + width_log2));
  for (int shift = (8 << width_log2) - 8; shift >= 0; shift -= 8) {
    out += static_cast<char>(argument >> shift);
  }
}

void AppendCborText(std::string& out, std::string_view text) {
  AppendCborHead(out, kText, text.size());
  out += text;
}

void AppendCborBytes(std::string& out, std::string_view bytes) {
  AppendCborHead(out, kBytes, bytes.size());
  out += bytes;
}

void AppendCborTimestamp(std::string& out, WallMs ms) {
  AppendCborHead(out, kTag, 1);
  AppendInteger(out, ms);
}

void AppendCbor(std::string& out, const json::Value& value) {
  if (value.is_string()) {
    AppendCborText(out, value.AsString());
  } else if (value.is_blob()) {
    AppendCborBytes(out, value.AsBlob());
  } else if (value.is_int()) {
    AppendInteger(out, value.AsInt());
  } else if (value.is_double()) {
    AppendDouble(out, value.AsDouble());
  } else if (value.is_timestamp()) {
    AppendCborTimestamp(out, value.AsTimestampMs());
  } else if (value.is_bool()) {
    out += static_cast<char>(kSimple << 5 | (value.AsBool() ? 21 : 20));
  } else if (value.is_array()) {
    AppendCborHead(out, kArray, value.AsArray().size());
    for (const json::Value& element : value.AsArray()) AppendCbor(out, element);
  } else if (value.is_object()) {
    AppendCborHead(out, kMap, value.AsObject().size());
    for (const auto& [name, member] : value.AsObject()) {
      AppendCborText(out, name);
      AppendCbor(out, member);
    }
  } else {
    out += static_cast<char>(kSimple << 5 | 22);
  }
}

}  // namespace millrace::aws
