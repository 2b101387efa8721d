#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace millrace::peer {

// Builds the fixed part of a body between pods: little-endian numbers and text with its length in
// front (docs/formats/peer.md). A value.
class WireWriter {
 public:
  template <std::integral T>
  void Number(T value) {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out_.append(bytes, sizeof(T));
  }
  // At most 65,535 bytes; what is longer is cut.
  void Text(std::string_view text) {
    text = text.substr(0, UINT16_MAX);
    Number(static_cast<uint16_t>(text.size()));
    out_.append(text);
  }
  void Bytes(std::string_view bytes) { out_.append(bytes); }
  Slice Take() { return Slice::FromString(std::move(out_)); }

 private:
  std::string out_;
};

// Takes such a body apart. What is not there reads as nothing, and `ok` says so from then on. A
// value; views point into the body.
class WireReader {
 public:
  explicit WireReader(Slice body) : body_(std::move(body)) {}

  template <std::integral T>
  T Number() {
    T value{};
    if (!Has(sizeof(T))) return value;
    std::memcpy(&value, body_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string_view Text() {
    const size_t size = Number<uint16_t>();
    return Has(size) ? body_.view().substr(Advance(size), size) : std::string_view();
  }
  Slice Bytes(size_t size) { return Has(size) ? body_.Sub(Advance(size), size) : Slice(); }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }
  size_t left() const { return body_.size() - at_; }

 private:
  bool Has(size_t size) {
    if (size > left()) ok_ = false;
    return ok_;
  }
  size_t Advance(size_t size) {
    at_ += size;
    return at_ - size;
  }

  Slice body_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace millrace::peer
