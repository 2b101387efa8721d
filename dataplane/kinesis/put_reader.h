#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace millrace::kinesis {

// What stands next in a map or an array of a body being scanned.
enum class Step : uint8_t {
  kItem,     // another item
  kEnd,      // its end, now behind the reader
  kUnusual,  // something that the general way has to read
};

// A blob as it stands in a body, and its size once decoded.
struct ScannedBlob {
  std::string_view view;
  size_t size = 0;
};

// Whether `name` is this literal; with the size known the comparison is a few instructions.
template <size_t kSize>
bool Is(std::string_view name, const char (&literal)[kSize]) {
  return name.size() == kSize - 1 && std::memcmp(name.data(), literal, kSize - 1) == 0;
}

}  // namespace millrace::kinesis
