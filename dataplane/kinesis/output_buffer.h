#pragma once

#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/check.h"

namespace millrace::kinesis {

// Bytes of an answer that grow without being zeroed first and leave as a Slice without being
// copied. A value; one thread.
class OutputBuffer {
 public:
  explicit OutputBuffer(size_t bytes_expected) { Grow(bytes_expected); }

  // Room for `bytes` more, to be written and then counted by Advance.
  uint8_t* Room(size_t bytes) {
    if (capacity_ - size_ < bytes) Grow(size_ + bytes);
    return data_.get() + size_;
  }
  void Advance(size_t bytes) {
    DCHECK(bytes <= capacity_ - size_);
    size_ += bytes;
  }
  void Append(std::string_view text) {
    std::memcpy(Room(text.size()), text.data(), text.size());
    size_ += text.size();
  }
  void AppendNumber(int64_t value) {
    char* at = reinterpret_cast<char*>(Room(20));
    size_ += static_cast<size_t>(std::to_chars(at, at + 20, value).ptr - at);
  }
  size_t size() const { return size_; }
  // What was written so far, to be patched.
  uint8_t* data() { return data_.get(); }
  // Hands the bytes over; the buffer is empty afterwards.
  Slice Take() {
    const std::shared_ptr<uint8_t[]> owner(std::move(data_));
    Slice taken(owner, owner.get(), size_);
    size_ = capacity_ = 0;
    return taken;
  }

 private:
  void Grow(size_t bytes) {
    const size_t wanted = bytes < 2 * capacity_ ? 2 * capacity_ : bytes;
    std::unique_ptr<uint8_t[]> larger(new uint8_t[wanted]);
    if (size_ > 0) std::memcpy(larger.get(), data_.get(), size_);
    data_ = std::move(larger);
    capacity_ = wanted;
  }

  std::unique_ptr<uint8_t[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace millrace::kinesis
