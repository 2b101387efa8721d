#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace millrace::storage {

// Writes bytes one after another to memory that this CPU will not read soon, past its caches: a
// line that is overwritten as a whole need not be fetched first, which costs more than the copy
// where a buffer was last used a hundred megabytes ago. Only whole lines are written; the one
// begun is kept here until Close.
//
// A value; one thread. Others may read what was written after Close.
class LineWriter {
 public:
  static constexpr size_t kLineBytes = 64;

  LineWriter() = default;
  LineWriter(LineWriter&& other) noexcept { *this = std::move(other); }
  LineWriter& operator=(LineWriter&& other) noexcept {
    at_ = std::exchange(other.at_, nullptr);
    begun_ = other.begun_;
    std::memcpy(line_, other.line_, kLineBytes);
    return *this;
  }

  // Goes on behind `used` bytes that lie at `begin`, which is the beginning of a line.
  void Open(uint8_t* begin, size_t used) {
    begun_ = used % kLineBytes;
    at_ = begin + (used - begun_);
    std::memcpy(line_, at_, begun_);
  }
  bool is_open() const { return at_ != nullptr; }

  void Write(const void* bytes, size_t size) {
    if (size == 0) return;
    const auto* from = static_cast<const uint8_t*>(bytes);
    if (begun_ != 0) {
      const size_t taken = std::min(kLineBytes - begun_, size);
      std::memcpy(line_ + begun_, from, taken);
      begun_ += taken;
      if (begun_ < kLineBytes) return;
      StoreLine(line_);
      from += taken;
      size -= taken;
    }
    for (; size >= kLineBytes; size -= kLineBytes, from += kLineBytes) StoreLine(from);
    begun_ = size;
    if (size > 0) std::memcpy(line_, from, size);
  }

  // Everything is where it belongs, for every thread that learns of it from this one.
  void Close() {
    std::memcpy(at_, line_, begun_);
    at_ = nullptr;
#if defined(__SSE2__)
    // Such stores are not ordered by the locks that hand a buffer to another thread.
    _mm_sfence();
#endif
  }

 private:
  void StoreLine(const uint8_t* from) {
#if defined(__SSE2__)
    auto* to = reinterpret_cast<__m128i*>(at_);
    const auto* quarter = reinterpret_cast<const __m128i*>(from);
    for (int i = 0; i < 4; ++i) _mm_stream_si128(to + i, _mm_loadu_si128(quarter + i));
#else
    std::memcpy(at_, from, kLineBytes);
#endif
    at_ += kLineBytes;
  }

  uint8_t* at_ = nullptr;  // where the line that is begun belongs
  size_t begun_ = 0;       // bytes of it
  uint8_t line_[kLineBytes] = {};
};

}  // namespace millrace::storage
