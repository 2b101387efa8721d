#pragma once

// The one include of <immintrin.h> in kernels for AVX-512.
#if defined(__x86_64__)

// GCC 12 takes its own headers' _mm512_undefined_epi32() for a mistake (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#define MILLRACE_AVX512 \
  __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512dq,bmi,bmi2")))

#endif
