// Copies of short runs: where a call of memmove would cost more than what it moves.
#pragma once

#include <algorithm>

#include "wengert/kernels/core/turn.h"

namespace wengert::detail {

#if defined(__AVX512F__)
inline __m512 load_masked(const float* from, uint32_t bits) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>(bits), from);
}
inline __m512d load_masked(const double* from, uint32_t bits) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>(bits), from);
}
inline void store_masked(float* to, __m512 v, uint32_t bits) {
  _mm512_mask_storeu_ps(to, static_cast<__mmask16>(bits), v);
}
inline void store_masked(double* to, __m512d v, uint32_t bits) {
  _mm512_mask_storeu_pd(to, static_cast<__mmask8>(bits), v);
}
// Elements 0, 2, 4, ... of two registers.
inline __m512 evens(__m512 a, __m512 b) {
  const __m512i at = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  return _mm512_permutex2var_ps(a, at, b);
}
inline __m512d evens(__m512d a, __m512d b) {
  return _mm512_permutex2var_pd(a, _mm512_set_epi64(14, 12, 10, 8, 6, 4, 2, 0), b);
}
// So many bits, from the lowest on.
inline uint32_t first_bits(int64_t n, int64_t most) {
  return n <= 0 ? 0 : (1u << std::min(n, most)) - 1;
}
#endif

// to[i] = from[i] for i < n
template <class T>
inline void copy_run(T* to, const T* from, int64_t n) {
  constexpr int64_t kSize = Vec<T>::kSize;
  int64_t i = 0;
  for (; i + kSize <= n; i += kSize) Vec<T>::load(from + i).store(to + i);
  if (i == n) return;
#if defined(__AVX512F__)
  const uint32_t bits = first_bits(n - i, kSize);
  store_masked(to + i, load_masked(from + i, bits), bits);
#else
  if (n < kSize) {
    std::copy_n(from, n, to);
  } else {
    Vec<T>::load(from + n - kSize).store(to + n - kSize);
  }
#endif
}

// to[i] = from[2 i] for i < n
template <class T>
inline void copy_evens(T* to, const T* from, int64_t n) {
#if defined(__AVX512F__)
  constexpr int64_t kSize = Vec<T>::kSize;
  for (int64_t i = 0; i < n; i += kSize) {
    const int64_t there = 2 * (n - i) - 1;  // elements that may be read
    const auto a = load_masked(from + 2 * i, first_bits(there, kSize));
    const auto b = load_masked(from + 2 * i + kSize, first_bits(there - kSize, kSize));
    store_masked(to + i, evens(a, b), first_bits(n - i, kSize));
  }
#else
  for (int64_t i = 0; i < n; ++i) to[i] = from[2 * i];
#endif
}

// to[i] = 0 for i < n
template <class T>
inline void zero_run(T* to, int64_t n) {
  constexpr int64_t kSize = Vec<T>::kSize;
  if (n >= 4 * kSize) {
    std::fill_n(to, n, T(0));
    return;
  }
  int64_t i = 0;
  for (; i + kSize <= n; i += kSize) Vec<T>(0.0).store(to + i);
  for (; i < n; ++i) to[i] = T(0);
}

// As turn, of any number of lines and with nothing written behind them.
template <class T>
inline void turn_lines(T* to, int64_t to_step, const T* from, int64_t step, int64_t lines,
                       int64_t length) {
  constexpr int64_t kSize = Vec<T>::kSize;
  for (; lines >= kSize; lines -= kSize, to += kSize, from += kSize * step)
    turn(to, to_step, from, step, kSize, length);
  if (lines == 0) return;
  T block[kSize * kSize];
  for (int64_t l = 0; l < length; l += kSize) {
    const int64_t some = std::min(kSize, length - l);
    turn(block, kSize, from + l, step, lines, some);
    for (int64_t i = 0; i < some; ++i) copy_run(to + (l + i) * to_step, block + i * kSize, lines);
  }
}

}  // namespace wengert::detail
