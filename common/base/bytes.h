#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kMiB = 1024 * kKiB;
constexpr uint64_t kGiB = 1024 * kMiB;

// Immutable bytes and a share in whatever owns them: a pooled receive buffer, a log block, a
// string. A value; copying shares, never copies bytes; any thread may read and let go.
class Slice {
 public:
  Slice() = default;
  Slice(std::shared_ptr<const void> owner, const void* data, size_t size)
      : owner_(std::move(owner)), data_(static_cast<const uint8_t*>(data)), size_(size) {}
  // Takes the string's bytes over.
  static Slice FromString(std::string s) {
    auto owner = std::make_shared<std::string>(std::move(s));
    return {owner, owner->data(), owner->size()};
  }
  // Bytes that live as long as the program: literals.
  static Slice Static(std::string_view s) { return {nullptr, s.data(), s.size()}; }

  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {reinterpret_cast<const char*>(data_), size_}; }
  // What keeps the bytes alive; none for literals.
  const std::shared_ptr<const void>& owner() const { return owner_; }
  Slice Sub(size_t offset, size_t size) const { return {owner_, data_ + offset, size}; }

 private:
  std::shared_ptr<const void> owner_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace millrace
