#include "common/net/chunked_decoder.h"

#include <algorithm>

#include "common/net/ascii.h"

namespace millrace::net {
namespace {

// A size line carries at most this much of chunk extensions, which nothing here understands.
constexpr size_t kExtensionBytesMax = 1024;
constexpr size_t kSizeDigitsMax = 15;
constexpr size_t kLineBytesMax = kExtensionBytesMax + kSizeDigitsMax + 2;  // with its CR LF
constexpr size_t kTrailerBytesMax = 8 * 1024;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = LowerCase(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool HasControls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
}

}  // namespace

ChunkedDecoder::Piece ChunkedDecoder::Next(std::string_view input) {
  if (refused() || input.empty()) return {};
  switch (state_) {
    case State::kSize:
    case State::kTrailer:
      return Line(input);
    case State::kData: {
      auto size = static_cast<size_t>(std::min<uint64_t>(data_left_, input.size()));
      data_left_ -= size;
      if (data_left_ == 0) state_ = State::kDataEnd;
      return {size, input.substr(0, size)};
    }
    case State::kDataEnd:
      return DataEnd(input);
    case State::kFinished:
      return {};
  }
  return {};
}

ChunkedDecoder::Piece ChunkedDecoder::DataEnd(std::string_view input) {
  if (input[0] != '\r' || (input.size() > 1 && input[1] != '\n')) {
    Refuse("A chunk is longer than its size.");
    return {};
  }
  if (input.size() < 2) return {};
  state_ = State::kSize;
  return {2, {}};
}

ChunkedDecoder::Piece ChunkedDecoder::Line(std::string_view input) {
  size_t lf = input.find('\n');
  if (lf == std::string_view::npos) {
    // Its LF would come too late: the same line is refused in whatever pieces it arrives.
    if (input.size() >= kLineBytesMax) Refuse("A chunk's size line is too long.");
    return {};
  }
  if (lf == 0 || input[lf - 1] != '\r') {
    Refuse("A chunk's size line ends in a bare LF.");
    return {};
  }
  if (lf + 1 > kLineBytesMax) {
    Refuse("A chunk's size line is too long.");
    return {};
  }
  std::string_view line = input.substr(0, lf - 1);
  bool fine = state_ == State::kSize ? ReadSizeLine(line) : ReadTrailerLine(line);
  return fine ? Piece{lf + 1, {}} : Piece{};
}

bool ChunkedDecoder::ReadSizeLine(std::string_view line) {
  uint64_t size = 0;
  size_t digits = 0;
  while (digits < line.size() && HexDigit(line[digits]) >= 0) {
    if (digits == kSizeDigitsMax) {
      Refuse("A chunk's size is too large.");
      return false;
    }
    size = size * 16 + static_cast<uint64_t>(HexDigit(line[digits]));
    ++digits;
  }
  std::string_view extension = line.substr(digits);
  if (digits == 0 || (!extension.empty() && extension[0] != ';') || HasControls(extension)) {
    Refuse("A chunk's size is malformed.");
    return false;
  }
  if (extension.size() > kExtensionBytesMax) {
    Refuse("A chunk's extensions are too long.");
    return false;
  }
  data_left_ = size;
  state_ = size == 0 ? State::kTrailer : State::kData;
  return true;
}

bool ChunkedDecoder::ReadTrailerLine(std::string_view line) {
  if (line.empty()) {
    state_ = State::kFinished;
    return true;
  }
  trailer_size_ += line.size();
  // Trailers are dropped, but what is no header at all must not pass as one.
  if (trailer_size_ > kTrailerBytesMax || !IsToken(line.substr(0, line.find(':'))) ||
      line.find(':') == std::string_view::npos || HasControls(line)) {
    Refuse("A trailer is malformed or too long.");
    return false;
  }
  return true;
}

}  // namespace millrace::net
