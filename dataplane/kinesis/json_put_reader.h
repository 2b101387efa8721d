#pragma once

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <string_view>

#include "common/codec/base64.h"
#include "common/json/text.h"
#include "dataplane/kinesis/put_reader.h"

namespace millrace::kinesis {

// Pulls the items of a JSON body in order, without copying. Takes less than JSON: a string that
// needs unescaping is kUnusual or false, as is any byte that RFC 8259 doesn't allow where it
// stands. After the first false or kUnusual nothing more is asked of it.
class JsonPutReader {
 public:
  struct Level {
    bool first = true;
  };

  explicit JsonPutReader(std::string_view body)
      : at_(body.data()), end_(body.data() + body.size()) {}

  bool BeginMap(Level&) { return Take('{'); }
  bool BeginArray(Level&) { return Take('['); }

  // The name of the next member; its value is to be read then.
  Step NextName(Level& level, std::string_view& name) {
    Step step = Next(level, '}');
    if (step != Step::kItem) return step;
    // The names of every record are compared with rather than looked for: where the value begins is
    // then known before the bytes between have been loaded.
    if (TakeName("\"Data\":", name) || TakeName("\"PartitionKey\":", name)) return Step::kItem;
    return Text(name) && Take(':') ? Step::kItem : Step::kUnusual;
  }
  Step NextElement(Level& level) { return Next(level, ']'); }

  // A string; valid UTF-8.
  bool Text(std::string_view& text) {
    if (!Take('"')) return false;
    const char* begin = at_;
    while (true) {
      at_ = SkipPlain(at_, end_);
      if (at_ == end_) return false;
      if (*at_ == '"') break;
      size_t size = json::Utf8CharSize({at_, static_cast<size_t>(end_ - at_)});
      // Of size one are only a backslash and the control characters here.
      if (size < 2) return false;
      at_ += size;
    }
    text = {begin, static_cast<size_t>(at_++ - begin)};
    return true;
  }

  // A string that is base64.
  bool Blob(ScannedBlob& blob) {
    if (!Take('"')) return false;
    std::optional<size_t> size = codec::Base64PrefixSize({at_, static_cast<size_t>(end_ - at_)});
    if (!size) return false;
    blob.view = {at_, *size};
    at_ += *size;
    size_t pads = blob.view.ends_with("==") ? 2 : blob.view.ends_with('=') ? 1 : 0;
    blob.size = *size / 4 * 3 - pads;
    if (at_ == end_ || *at_ != '"') return false;
    ++at_;
    return true;
  }

  bool AtEnd() {
    Peek();
    return at_ == end_;
  }

 private:
  Step Next(Level& level, char closing) {
    char c = Peek();
    if (c == closing) {
      ++at_;
      return Step::kEnd;
    }
    if (!level.first) {
      if (c != ',') return Step::kUnusual;
      ++at_;
    }
    level.first = false;
    return Step::kItem;
  }

  // The bytes of a quoted name and its colon.
  template <size_t kSize>
  bool TakeName(const char (&quoted)[kSize], std::string_view& name) {
    constexpr size_t kBytes = kSize - 1;
    if (static_cast<size_t>(end_ - at_) < kBytes || std::memcmp(at_, quoted, kBytes) != 0) {
      return false;
    }
    name = {quoted + 1, kBytes - 3};
    at_ += kBytes;
    return true;
  }

  bool Take(char c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }

  // The next character that is not white space, or a NUL, which stands nowhere, at the end.
  char Peek() {
    while (at_ != end_) {
      char c = *at_;
      if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) return c;
      ++at_;
    }
    return '\0';
  }

  // Past the ASCII characters that stand for themselves in a string.
  static const char* SkipPlain(const char* at, const char* end) {
#if defined(__SSE2__)
    // Part of x86-64 itself; wider vectors gain nothing on names and keys.
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');
    for (; end - at >= 16; at += 16) {
      __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
      // Signed: below the space are the control characters and all that is not ASCII.
      __m128i special = _mm_or_si128(
          _mm_cmplt_epi8(block, space),
          _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)));
      int mask = _mm_movemask_epi8(special);
      if (mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
    }
#endif
    for (; at != end; ++at) {
      auto byte = static_cast<signed char>(*at);
      if (byte < ' ' || byte == '"' || byte == '\\') break;
    }
    return at;
  }

  const char* at_;
  const char* const end_;
};

}  // namespace millrace::kinesis
