#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace millrace::delivery {

// A deflate stream by isa-l at its level 1, about 12 times as fast as zlib -6 for an output 8 %
// larger. One thread at a time.
class DeflateStream {
 public:
  enum class Wrapper { kGzip, kRaw };
  explicit DeflateStream(Wrapper wrapper);
  ~DeflateStream();
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;

  // Appends what is ready to `out`; `is_end` ends the stream, and nothing may follow.
  void Write(std::string_view bytes, bool is_end, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Gzip(std::string_view bytes);
// All members of a gzip file (RFC 1952), one after the other; Corrupt where it is none or is cut
// short, LimitExceeded past `size_max` bytes.
Result<std::string> Gunzip(std::string_view bytes, size_t size_max);

}  // namespace millrace::delivery
