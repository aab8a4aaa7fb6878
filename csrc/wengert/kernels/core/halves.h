// Runs of 16-bit floats to and from float32, with the instructions that are there for it. Internal.
#pragma once

#include <cstdint>

#include "wengert/base/half.h"
#if defined(__AVX2__) && defined(__F16C__)
#include <immintrin.h>
#endif

namespace wengert::detail {

#if defined(__AVX2__) && defined(__F16C__)

inline __m128i halves_at(const void* from) {
  return _mm_loadu_si128(static_cast<const __m128i*>(from));
}
inline __m256 eight_of(const Half* from) { return _mm256_cvtph_ps(halves_at(from)); }
inline __m256 eight_of(const BFloat16* from) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves_at(from)), 16));
}

inline __m128i rounded_to(const Half*, __m256 x) {
  return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// As in BFloat16: half of a last place is added, less if that is even; what is no number is 0x7fc0.
inline __m128i rounded_to(const BFloat16*, __m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
  const __m256i r = _mm256_castps_si256(_mm256_blendv_ps(
      _mm256_castsi256_ps(up), _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)), nan));
  const __m256i upper = _mm256_srli_epi32(r, 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
}

inline float add_product(float x, float y, float to) { return __builtin_fmaf(x, y, to); }

// How many of n, from the first on, are done; the rest is left to the caller.
template <class T>
int64_t widen_run(float* to, const T* from, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, eight_of(from + i));
  return i;
}
template <class T>
int64_t narrow_run(T* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), rounded_to(to, _mm256_loadu_ps(from + i)));
  return i;
}

// y[i] += the sum of x[l] rows[l][i] for four rows, and the sum of x[i] y[i]: how many are done.
template <class T>
int64_t add_rows_run(float* y, const float* x, const T* const* rows, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 sum = _mm256_loadu_ps(y + i);
    for (int l = 0; l < 4; ++l)
      sum = _mm256_fmadd_ps(_mm256_set1_ps(x[l]), eight_of(rows[l] + i), sum);
    _mm256_storeu_ps(y + i, sum);
  }
  return i;
}
template <class T>
int64_t dot_run(float& sum, const float* x, const T* y, int64_t n) {
  __m256 sums[4] = {};
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (int s = 0; s < 4; ++s)
      sums[s] = _mm256_fmadd_ps(_mm256_loadu_ps(x + i + 8 * s), eight_of(y + i + 8 * s), sums[s]);
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes,
                  _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  for (float lane : lanes) sum += lane;
  return i;
}

#else

inline float add_product(float x, float y, float to) { return to + x * y; }

template <class T>
int64_t add_rows_run(float*, const float*, const T* const*, int64_t) {
  return 0;
}
template <class T>
int64_t dot_run(float&, const float*, const T*, int64_t) {
  return 0;
}
template <class T>
int64_t widen_run(float*, const T*, int64_t) {
  return 0;
}
template <class T>
int64_t narrow_run(T*, const float*, int64_t) {
  return 0;
}

#endif

// Whole runs: n elements at `from`, of type N, as float32 to `to`, and the other way.
template <class N>
void widen_line(float* to, const void* from, int64_t n) {
  const auto* x = static_cast<const N*>(from);
  for (int64_t i = widen_run(to, x, n); i < n; ++i) to[i] = static_cast<float>(x[i]);
}
template <class N>
void narrow_line(void* to, const float* from, int64_t n) {
  auto* y = static_cast<N*>(to);
  for (int64_t i = narrow_run(y, from, n); i < n; ++i) y[i] = N(from[i]);
}
// y[i] += the sum of x[l] rows[l][i], for up to four rows: the same wherever an element stands.
template <class N>
void add_rows(float* y, const float* x, const N* const* rows, int count, int64_t n) {
  int64_t i = count == 4 ? add_rows_run(y, x, rows, n) : 0;
  for (; i < n; ++i)
    for (int l = 0; l < count; ++l) y[i] = add_product(x[l], static_cast<float>(rows[l][i]), y[i]);
}
template <class N>
float dot(const float* x, const N* y, int64_t n) {
  float sum = 0;
  for (int64_t i = dot_run(sum, x, y, n); i < n; ++i) sum += x[i] * static_cast<float>(y[i]);
  return sum;
}

}  // namespace wengert::detail
