#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace millrace::storage {

static_assert(std::endian::native == std::endian::little, "disk formats are little-endian");

// Unaligned little-endian integers in raw bytes: how every number of the log lies on disk. Pure.
template <typename T>
T LoadLittle(const uint8_t* at) {
  static_assert(std::is_integral_v<T>);
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <typename T>
void StoreLittle(uint8_t* at, T value) {
  static_assert(std::is_integral_v<T>);
  std::memcpy(at, &value, sizeof value);
}

}  // namespace millrace::storage
