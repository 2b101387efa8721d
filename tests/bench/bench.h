#pragma once

#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace millrace::bench {

// CPU time of this thread, which what else runs on the machine doesn't add to.
inline double ThreadNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// The CPU nanoseconds that one call of `work` takes: the best of several rounds, which is the
// figure that a busy neighbour disturbs least.
template <typename Work>
double NanosecondsPerCall(const Work& work) {
  constexpr int kRounds = 9;
  constexpr double kRoundNanoseconds = 20e6;
  auto time = [&](int64_t calls) {
    double begin = ThreadNanoseconds();
    for (int64_t i = 0; i < calls; ++i) work();
    return ThreadNanoseconds() - begin;
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
