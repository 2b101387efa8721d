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
    SkipSpace();
    return at_ == end_;
  }

 private:
  Step Next(Level& level, char closing) {
    if (Take(closing)) return Step::kEnd;
    if (!level.first && !Take(',')) return Step::kUnusual;
    level.first = false;
    return Step::kItem;
  }

  bool Take(char c) {
    if (at_ == end_) return false;
    if (*at_ != c) {
      SkipSpace();
      if (at_ == end_ || *at_ != c) return false;
    }
    ++at_;
    return true;
  }

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
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
