#include "common/kube/compact_text.h"

#include <zlib.h>

#include <mutex>

#include "common/base/check.h"

namespace millrace::kube {
namespace {

// Raw deflate with a window that holds the dictionary and the text of a usual object.
constexpr int kWindowBits = -14;
constexpr int kMemoryLevel = 6;
constexpr size_t kDictionaryMax = 8 * 1024;
constexpr size_t kDictionariesMax = 8;
// A text that shrinks to less than this share, or to so few bytes, resembles its dictionary.
constexpr size_t kAlikeShare = 8;
constexpr size_t kAlikeBytes = 96;

const Bytef* Data(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

// One for the process, since its state is larger than hundreds of packed objects.
class Deflater {
 public:
  static Deflater& Shared() {
    static auto* const deflater = new Deflater;
    return *deflater;
  }
  std::string Pack(std::string_view text, std::string_view dictionary) {
    std::lock_guard lock(mu_);
    CHECK(deflateReset(&stream_) == Z_OK);
    CHECK(deflateSetDictionary(&stream_, Data(dictionary), static_cast<uInt>(dictionary.size())) ==
          Z_OK);
    buffer_.resize(deflateBound(&stream_, text.size()));
    stream_.next_in = const_cast<Bytef*>(Data(text));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
    stream_.avail_out = static_cast<uInt>(buffer_.size());
    CHECK(deflate(&stream_, Z_FINISH) == Z_STREAM_END);
    std::string packed(buffer_.data(), stream_.total_out);
    if (buffer_.capacity() > kBufferKept) std::string().swap(buffer_);
    return packed;
  }

 private:
  static constexpr size_t kBufferKept = 64 * 1024;

  Deflater() {
    CHECK(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel,
                       Z_DEFAULT_STRATEGY) == Z_OK);
  }

  std::mutex mu_;
  z_stream stream_{};   // guarded by mu_
  std::string buffer_;  // guarded by mu_
};

bool IsAlike(size_t packed, size_t text) {
  return packed <= kAlikeBytes || packed * kAlikeShare <= text;
}

}  // namespace

TextPacker::Packed TextPacker::Pack(std::string_view text) {
  Packed best;
  for (size_t i = dictionaries_.size(); i-- > 0;) {
    std::string bytes = Deflater::Shared().Pack(text, *dictionaries_[i]);
    if (!best.bytes.empty() && bytes.size() >= best.bytes.size()) continue;
    best = {std::move(bytes), i};
    if (IsAlike(best.bytes.size(), text.size())) return best;
  }
  if (dictionaries_.size() == kDictionariesMax) return best;
  dictionaries_.push_back(std::make_shared<const std::string>(text.substr(0, kDictionaryMax)));
  return {Deflater::Shared().Pack(text, *dictionaries_.back()), dictionaries_.size() - 1};
}

std::string Unpack(std::string_view bytes, size_t size, const std::string& dictionary) {
  std::string text(size, '\0');
  z_stream stream{};
  CHECK(inflateInit2(&stream, kWindowBits) == Z_OK);
  CHECK(inflateSetDictionary(&stream, Data(dictionary), static_cast<uInt>(dictionary.size())) ==
        Z_OK);
  stream.next_in = const_cast<Bytef*>(Data(bytes));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  CHECK(result == Z_STREAM_END && stream.avail_out == 0);
  inflateEnd(&stream);
  return text;
}

}  // namespace millrace::kube
