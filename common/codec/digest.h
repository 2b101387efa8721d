#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace::codec {

using Sha256Digest = std::array<uint8_t, 32>;
using Md5Digest = std::array<uint8_t, 16>;

// Pure; any thread. The *Many forms hash several independent messages side by side in vector lanes
// (SHA-NI four ways, AVX-512 sixteen lanes) and are what the hot path uses; all paths agree.
Sha256Digest Sha256(std::string_view message);
void Sha256Many(std::span<const std::string_view> messages, std::span<Sha256Digest> digests);
Md5Digest Md5(std::string_view message);
void Md5Many(std::span<const std::string_view> messages, std::span<Md5Digest> digests);
Sha256Digest HmacSha256(std::string_view key, std::string_view message);

// Lower-case hexadecimal.
std::string Hex(std::span<const uint8_t> bytes);
// Equal, in time that depends on the lengths only.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

}  // namespace millrace::codec
