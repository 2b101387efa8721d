#include "common/base/random.h"

#include <sys/random.h>

#include "common/base/check.h"

namespace millrace {
namespace {

uint64_t RotateLeft(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

// splitmix64: spreads a small seed over the whole state.
uint64_t Mix(uint64_t& x) {
  uint64_t z = (x += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed) {
  for (uint64_t& word : state_) word = Mix(seed);
}

uint64_t Random::Next() {
  uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

uint64_t Random::Below(uint64_t bound) {
  CHECK(bound > 0);
  return Next() % bound;
}

uint64_t SecureRandom64() {
  uint64_t value = 0;
  CHECK(getrandom(&value, sizeof value, 0) == static_cast<ssize_t>(sizeof value));
  return value;
}

std::string SecureRandomBytes(size_t size) {
  std::string bytes(size, '\0');
  size_t done = 0;
  while (done < size) {
    ssize_t n = getrandom(bytes.data() + done, size - done, 0);
    CHECK(n > 0);
    done += static_cast<size_t>(n);
  }
  return bytes;
}

std::string NewUuid() {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string raw = SecureRandomBytes(16);
  raw[6] = static_cast<char>((raw[6] & 0x0f) | 0x40);
  raw[8] = static_cast<char>((raw[8] & 0x3f) | 0x80);
  std::string uuid;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) uuid += '-';
    auto byte = static_cast<unsigned char>(raw[i]);
    uuid += kHex[byte >> 4];
    uuid += kHex[byte & 15];
  }
  return uuid;
}

}  // namespace millrace
