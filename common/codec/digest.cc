// The low-level functions cost nothing but the hash: EVP allocates a context and, uncached, looks
// its algorithm up by name, which is four times the cost of the MD5 of a key.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/codec/digest.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>

#include <algorithm>

#include "common/codec/md5_kernels.h"
#include "common/codec/sha256_kernels.h"

namespace millrace::codec {

namespace internal {

namespace {

void Sha256Blocks(uint32_t* const* states, const uint8_t* const* at, size_t, size_t blocks) {
  SHA256_CTX state;
  SHA256_Init(&state);
  std::copy_n(states[0], std::size(state.h), state.h);
  SHA256_Update(&state, at[0], blocks * kBlockSize);
  std::copy_n(state.h, std::size(state.h), states[0]);
}

void Md5Blocks(uint32_t* const* states, const uint8_t* const* at, size_t, size_t blocks) {
  uint32_t* words = states[0];
  MD5_CTX state;
  MD5_Init(&state);
  state.A = words[0];
  state.B = words[1];
  state.C = words[2];
  state.D = words[3];
  MD5_Update(&state, at[0], blocks * kBlockSize);
  words[0] = state.A;
  words[1] = state.B;
  words[2] = state.C;
  words[3] = state.D;
}

}  // namespace

const LaneKernel kSha256Portable{1, 1, Sha256Blocks};
const LaneKernel kMd5Portable{1, 1, Md5Blocks};

}  // namespace internal

Sha256Digest Sha256(std::string_view message) {
  SHA256_CTX state;
  Sha256Digest digest;
  SHA256_Init(&state);
  SHA256_Update(&state, message.data(), message.size());
  SHA256_Final(digest.data(), &state);
  return digest;
}

Md5Digest Md5(std::string_view message) {
  MD5_CTX state;
  Md5Digest digest;
  MD5_Init(&state);
  MD5_Update(&state, message.data(), message.size());
  MD5_Final(digest.data(), &state);
  return digest;
}

Sha256Digest HmacSha256(std::string_view key, std::string_view message) {
  std::array<uint8_t, SHA256_CBLOCK> pad{};
  if (key.size() > pad.size()) {
    Sha256Digest hashed = Sha256(key);
    std::copy(hashed.begin(), hashed.end(), pad.begin());
  } else {
    std::copy(key.begin(), key.end(), pad.begin());
  }
  SHA256_CTX state;
  Sha256Digest digest;
  for (uint8_t& byte : pad) byte ^= 0x36;
  SHA256_Init(&state);
  SHA256_Update(&state, pad.data(), pad.size());
  SHA256_Update(&state, message.data(), message.size());
  SHA256_Final(digest.data(), &state);
  for (uint8_t& byte : pad) byte ^= 0x36 ^ 0x5c;
  SHA256_Init(&state);
  SHA256_Update(&state, pad.data(), pad.size());
  SHA256_Update(&state, digest.data(), digest.size());
  SHA256_Final(digest.data(), &state);
  // The pads and the state give the key away.
  OPENSSL_cleanse(pad.data(), pad.size());
  OPENSSL_cleanse(&state, sizeof state);
  return digest;
}

std::string Hex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(bytes.size() * 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = kDigits[bytes[i] >> 4];
    text[2 * i + 1] = kDigits[bytes[i] & 15];
  }
  return text;
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace millrace::codec
