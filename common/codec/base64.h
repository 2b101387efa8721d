#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::codec {

// RFC 4648 base64 with padding. Vectorised where the CPU can (AVX-512 VBMI, AVX2), chosen once at
// start; every path gives the same bytes. Pure; any thread.

constexpr size_t Base64EncodedSize(size_t bytes) { return (bytes + 2) / 3 * 4; }
// The most bytes that `chars` can decode to.
constexpr size_t Base64DecodedSizeMax(size_t chars) { return (chars + 3) / 4 * 3; }

// Writes Base64EncodedSize(size) chars to `out`; returns how many.
size_t Base64Encode(const uint8_t* data, size_t size, char* out);
// Strict: canonical padding (the bits it leaves over are zero), no white space. Returns the bytes
// written to `out` (which has room for Base64DecodedSizeMax(text.size())), or nothing where `text`
// is not base64.
std::optional<size_t> Base64Decode(std::string_view text, uint8_t* out);

// The size of the longest run of letters and '=' that `text` begins with, where Base64Decode takes
// that run; nothing where it doesn't. Finds the end of base64 inside a larger text.
std::optional<size_t> Base64PrefixSize(std::string_view text);

std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace millrace::codec
