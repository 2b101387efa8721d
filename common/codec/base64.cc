#include "common/codec/base64.h"

#include "common/codec/base64_kernels.h"

namespace millrace::codec {

namespace {

const internal::Base64Kernel& Kernel() {
#if defined(__x86_64__)
  if (internal::MayUse(internal::Variant::kAvx512)) return internal::kBase64Avx512;
  if (internal::MayUse(internal::Variant::kAvx2)) return internal::kBase64Avx2;
#endif
  return internal::kBase64Portable;
}

// The last group, which alone may be padded; returns its bytes, or 0 where it is not base64.
size_t DecodeLastGroup(const char* text, uint8_t* out) {
  uint8_t a = internal::SextetOf(text[0]);
  uint8_t b = internal::SextetOf(text[1]);
  uint8_t c = internal::SextetOf(text[2]);
  uint8_t d = internal::SextetOf(text[3]);
  bool two_pads = text[2] == '=' && text[3] == '=';
  bool one_pad = !two_pads && text[3] == '=';
  if (two_pads) c = 0;
  if (two_pads || one_pad) d = 0;
  // A letter is below 64; that one none is shows in the high bit of any.
  if (((a | b | c | d) & 0x80) != 0) return 0;
  out[0] = static_cast<uint8_t>(a << 2 | b >> 4);
  if (two_pads) return (b & 0x0F) == 0 ? 1 : 0;
  out[1] = static_cast<uint8_t>(b << 4 | c >> 2);
  if (one_pad) return (c & 0x03) == 0 ? 2 : 0;
  out[2] = static_cast<uint8_t>(c << 6 | d);
  return 3;
}

}  // namespace

size_t Base64Encode(const uint8_t* data, size_t size, char* out) {
  size_t done = Kernel().encode(data, size, out);
  done += internal::kBase64Portable.encode(data + done, size - done, out + done / 3 * 4);
  size_t left = size - done;
  if (left != 0) {
    const uint8_t* rest = data + done;
    char* end = out + done / 3 * 4;
    uint32_t group = static_cast<uint32_t>(rest[0]) << 16;
    if (left == 2) group |= static_cast<uint32_t>(rest[1]) << 8;
    end[0] = internal::kBase64Alphabet[group >> 18];
    end[1] = internal::kBase64Alphabet[group >> 12 & 63];
    end[2] = left == 2 ? internal::kBase64Alphabet[group >> 6 & 63] : '=';
    end[3] = '=';
  }
  return Base64EncodedSize(size);
}

std::optional<size_t> Base64Decode(std::string_view text, uint8_t* out) {
  if (text.empty()) return 0;
  if (text.size() % 4 != 0) return std::nullopt;
  const char* chars = text.data();
  size_t whole = text.size() - 4;
  size_t done = Kernel().decode(chars, whole, out);
  done += internal::kBase64Portable.decode(chars + done, whole - done, out + done / 4 * 3);
  if (done != whole) return std::nullopt;
  size_t last = DecodeLastGroup(chars + whole, out + whole / 4 * 3);
  if (last == 0) return std::nullopt;
  return whole / 4 * 3 + last;
}

std::optional<size_t> Base64PrefixSize(std::string_view text) {
  size_t letters = Kernel().letters(text.data(), text.size());
  size_t size = letters;
  while (size < text.size() && text[size] == '=') ++size;
  if (size % 4 != 0) return std::nullopt;
  // Letters alone are base64; what pads leave over, and how many they are, is the last group's say.
  uint8_t ignored[3];
  if (size == letters || DecodeLastGroup(text.data() + size - 4, ignored) != 0) return size;
  return std::nullopt;
}

std::string Base64Encode(std::string_view bytes) {
  std::string text(Base64EncodedSize(bytes.size()), '\0');
  Base64Encode(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), text.data());
  return text;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  std::string bytes(Base64DecodedSizeMax(text.size()), '\0');
  std::optional<size_t> size = Base64Decode(text, reinterpret_cast<uint8_t*>(bytes.data()));
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

}  // namespace millrace::codec
