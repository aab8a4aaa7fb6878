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

#else

template <class T>
int64_t widen_run(float*, const T*, int64_t) {
  return 0;
}
template <class T>
int64_t narrow_run(T*, const float*, int64_t) {
  return 0;
}

#endif

}  // namespace wengert::detail
