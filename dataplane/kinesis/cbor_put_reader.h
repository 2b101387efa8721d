#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "common/json/text.h"
#include "dataplane/kinesis/put_reader.h"

namespace millrace::kinesis {

// Pulls the items of a CBOR body in order, without copying. Maps and arrays may be of indefinite
// length; a string in chunks, a tag, and a length longer than the body are kUnusual or false. After
// the first false or kUnusual nothing more is asked of it.
class CborPutReader {
 public:
  struct Level {
    uint64_t left = 0;
    bool indefinite = false;
  };

  explicit CborPutReader(std::string_view body)
      : at_(reinterpret_cast<const uint8_t*>(body.data())), end_(at_ + body.size()) {}

  bool BeginMap(Level& level) { return Begin(kMap, 2, level); }
  bool BeginArray(Level& level) { return Begin(kArray, 1, level); }

  // The name of the next member, not necessarily UTF-8; its value is to be read then.
  Step NextName(Level& level, std::string_view& name) {
    Step step = NextElement(level);
    if (step != Step::kItem) return step;
    return String(kText, name) ? Step::kItem : Step::kUnusual;
  }

  Step NextElement(Level& level) {
    if (level.indefinite) {
      if (at_ == end_) return Step::kUnusual;
      if (*at_ != kBreak) return Step::kItem;
      ++at_;
      return Step::kEnd;
    }
    if (level.left == 0) return Step::kEnd;
    --level.left;
    return Step::kItem;
  }

  // A text string; valid UTF-8.
  bool Text(std::string_view& text) { return String(kText, text) && IsUtf8(text); }

  // A byte string.
  bool Blob(ScannedBlob& blob) {
    if (!String(kBytes, blob.view)) return false;
    blob.size = blob.view.size();
    return true;
  }

  bool AtEnd() const { return at_ == end_; }

 private:
  static constexpr uint8_t kBytes = 2;
  static constexpr uint8_t kText = 3;
  static constexpr uint8_t kArray = 4;
  static constexpr uint8_t kMap = 5;
  static constexpr uint8_t kIndefinite = 31;
  static constexpr uint8_t kBreak = 0xFF;

  uint64_t Left() const { return static_cast<uint64_t>(end_ - at_); }

  bool Begin(uint8_t major, uint64_t bytes_an_item, Level& level) {
    if (at_ != end_ && *at_ == (major << 5 | kIndefinite)) {
      ++at_;
      level.indefinite = true;
      return true;
    }
    return Head(major, level.left) && level.left <= Left() / bytes_an_item;
  }

  bool String(uint8_t major, std::string_view& text) {
    uint64_t size = 0;
    if (!Head(major, size) || size > Left()) return false;
    text = {reinterpret_cast<const char*>(at_), static_cast<size_t>(size)};
    at_ += size;
    return true;
  }

  // The argument of a head of this type and of definite length.
  bool Head(uint8_t major, uint64_t& argument) {
    if (at_ == end_ || *at_ >> 5 != major) return false;
    uint8_t info = *at_++ & 31;
    argument = info;
    if (info < 24) return true;
    if (info >= 28) return false;
    uint64_t width = uint64_t{1} << (info - 24);
    if (width > Left()) return false;
    argument = 0;
    for (uint64_t i = 0; i < width; ++i) argument = argument << 8 | *at_++;
    return true;
  }

  static bool IsUtf8(std::string_view text) {
    if (IsAscii(text)) return true;
    while (!text.empty()) {
      size_t size = json::Utf8CharSize(text);
      if (size == 0) return false;
      text.remove_prefix(size);
    }
    return true;
  }

  static bool IsAscii(std::string_view text) {
    auto eight = [&text](size_t at) {
      uint64_t bytes = 0;
      std::memcpy(&bytes, text.data() + at, sizeof bytes);
      return bytes;
    };
    uint64_t all = 0;
    if (text.size() < 8) {
      for (char c : text) all |= static_cast<uint8_t>(c);
    } else {
      for (size_t at = 0; at + 8 < text.size(); at += 8) all |= eight(at);
      all |= eight(text.size() - 8);
    }
    return (all & 0x8080808080808080) == 0;
  }

  const uint8_t* at_;
  const uint8_t* const end_;
};

}  // namespace millrace::kinesis
