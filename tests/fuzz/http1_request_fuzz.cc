// The HTTP/1.1 request parser: a head and a chunked body mean the same however their bytes arrive,
// and every view points into them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/check.h"
#include "common/net/chunked_decoder.h"
#include "common/net/http1_parser.h"

namespace {

using millrace::net::ChunkedDecoder;
using millrace::net::HeadLimits;
using millrace::net::HeadScanner;
using millrace::net::Http1Head;

constexpr HeadLimits kLimits{2048, 16, 512};

struct Scanned {
  size_t size;
  int status;
  bool operator==(const Scanned&) const = default;
};

// In pieces of `step` bytes.
Scanned Scan(std::string_view text, size_t step) {
  HeadScanner scanner(kLimits);
  for (size_t known = 0; known < text.size();) {
    known = std::min(text.size(), known + step);
    const size_t size = scanner.Scan(text.substr(0, known));
    if (size > 0 || scanner.refusal().status != 0) return {size, scanner.refusal().status};
  }
  return {0, 0};
}

void CheckInside(std::string_view part, std::string_view whole) {
  CHECK(part.empty() ||
        (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size()));
}

void CheckHead(std::string_view text) {
  Http1Head head;
  if (ParseHead(text, head).status != 0) return;
  CHECK(!(head.chunked && head.content_length.has_value()));
  CheckInside(head.request.target, text);
  CheckInside(head.request.path, text);
  CheckInside(head.request.query, text);
  CheckInside(head.request.authority, text);
  for (const millrace::net::Header& header : head.request.headers) {
    CheckInside(header.name, text);
    CheckInside(header.value, text);
    CHECK(header.value.find_first_of("\r\n") == std::string_view::npos);
    CHECK(header.value.find('\0') == std::string_view::npos);
  }
}

// The body, or a mark for why there is none.
std::string Decode(std::string_view text, size_t step) {
  ChunkedDecoder decoder;
  std::string body;
  size_t begin = 0;
  for (size_t known = 0; known < text.size() && !decoder.finished();) {
    known = std::min(text.size(), known + step);
    while (!decoder.finished()) {
      ChunkedDecoder::Piece piece = decoder.Next(text.substr(begin, known - begin));
      if (decoder.refused()) return "refused";
      CHECK(piece.data.size() <= piece.consumed && piece.consumed <= known - begin);
      body += piece.data;
      begin += piece.consumed;
      if (piece.consumed == 0) break;
    }
  }
  return decoder.finished() ? "body " + body + " to " + std::to_string(begin) : "incomplete";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Scanned whole = Scan(text, size + 1);
  const Scanned pieces = Scan(text, 1 + size % 5);
  // A limit may strike before the line that would have been refused for its form is complete.
  if (whole.status == 0 || pieces.status == 0) CHECK(whole == pieces);
  if (whole.size > 0) CheckHead(text.substr(0, whole.size));
  CHECK(Decode(text, size + 1) == Decode(text, 1 + size % 5));
  return 0;
}
