#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/net/http1_parser.h"

namespace millrace::net {

// Takes a chunked body apart, in whatever pieces it arrives. A value of its session; holds no
// bytes.
class ChunkedDecoder {
 public:
  // Looks at the front of `input`: `consumed` bytes of it are done with, of which the last
  // `data.size()` are body. Call again with the rest until `consumed` is 0 (more input is needed)
  // or finished() or refused().
  struct Piece {
    size_t consumed = 0;
    std::string_view data;
  };
  Piece Next(std::string_view input);
  bool finished() const { return state_ == State::kFinished; }
  bool refused() const { return refusal_.status != 0; }
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kFinished };
  Piece Line(std::string_view input);
  Piece DataEnd(std::string_view input);
  bool ReadSizeLine(std::string_view line);
  bool ReadTrailerLine(std::string_view line);
  void Refuse(std::string_view message) { refusal_ = {400, message}; }

  State state_ = State::kSize;
  uint64_t data_left_ = 0;
  size_t trailer_size_ = 0;
  Refusal refusal_;
};

}  // namespace millrace::net
