#pragma once

#include <cstdint>
#include <string>

namespace millrace {

// A seeded generator (xoshiro256**): the same seed gives the same run. One thread.
class Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t Next();
  // Uniform in [0, bound); bound > 0.
  uint64_t Below(uint64_t bound);
  // True once in `n` times on average.
  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_[4];
};

// Unpredictable bytes from the kernel, for keys, tokens and ids. Any thread.
uint64_t SecureRandom64();
std::string SecureRandomBytes(size_t size);
// RFC 4122 version 4: "f81d4fae-7dec-4d0a-a765-00a0c91e6bf6".
std::string NewUuid();

}  // namespace millrace
