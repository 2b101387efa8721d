#include "common/kube/compact_text.h"

#include <zlib.h>

#include "common/base/check.h"

namespace millrace::kube {
namespace {

// Raw deflate with a window that holds the dictionary and the text of a usual object; a small
// state, since objects are packed one at a time.
constexpr int kWindowBits = -15;
constexpr int kMemoryLevel = 6;
constexpr size_t kDictionaryMax = 16 * 1024;

const Bytef* Data(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

}  // namespace

CompactText TextDictionary::Pack(std::string_view text) {
  if (dictionary_.empty()) dictionary_ = text.substr(0, kDictionaryMax);
  z_stream stream{};
  CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  CHECK(deflateSetDictionary(&stream, Data(dictionary_), static_cast<uInt>(dictionary_.size())) ==
        Z_OK);
  CompactText packed;
  packed.size = static_cast<uint32_t>(text.size());
  std::string bytes(deflateBound(&stream, text.size()), '\0');
  stream.next_in = const_cast<Bytef*>(Data(text));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.bytes.assign(bytes.data(), stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string TextDictionary::Unpack(const CompactText& packed) const {
  std::string text(packed.size, '\0');
  z_stream stream{};
  CHECK(inflateInit2(&stream, kWindowBits) == Z_OK);
  CHECK(inflateSetDictionary(&stream, Data(dictionary_), static_cast<uInt>(dictionary_.size())) ==
        Z_OK);
  stream.next_in = const_cast<Bytef*>(Data(packed.bytes));
  stream.avail_in = static_cast<uInt>(packed.bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  CHECK(result == Z_STREAM_END && stream.avail_out == 0);
  inflateEnd(&stream);
  return text;
}

}  // namespace millrace::kube
