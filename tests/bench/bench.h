#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace millrace::bench {

// The nanoseconds that one call of `work` takes: the best of several rounds, which is the figure
// that a busy neighbour disturbs least.
template <typename Work>
double NanosecondsPerCall(const Work& work) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRounds = 9;
  constexpr double kRoundNanoseconds = 20e6;
  auto time = [&](int64_t calls) {
    auto begin = Clock::now();
    for (int64_t i = 0; i < calls; ++i) work();
    return std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
  };
  int64_t calls = 1;
  while (time(calls) < kRoundNanoseconds / 4 && calls < int64_t{1} << 40) calls *= 2;
  double best = time(calls);
  for (int round = 1; round < kRounds; ++round) best = std::min(best, time(calls));
  return best / static_cast<double>(calls);
}

// Keeps the compiler from dropping work whose result nobody reads.
template <typename T>
void Keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

}  // namespace millrace::bench
