// A register filled from computed places that lie close together.
#pragma once

#include <cstdint>

#include "wengert/kernels/core/vec.h"

namespace wengert {

// Pick<T>::from(p, n): what stands at p, of which n elements may be read; lane(index) those at
// `index`, below kReach, where `here` is set, and 0 elsewhere. Permutations of two registers are
// several times as fast as the processor's gathers.
template <class T>
struct Pick {
  static constexpr bool kExists = false;
};

#if defined(__AVX512F__)
template <>
struct Pick<float> {
  static constexpr bool kExists = true;
  static constexpr int kReach = 32;
  using Index = __m512i;
  using Here = __mmask16;
  static Index index(const int32_t* p) { return _mm512_loadu_si512(p); }
  static Here here(Index counts, int k) {
    return _mm512_cmpgt_epi32_mask(counts, _mm512_set1_epi32(k));
  }
  static Vec<float> of(const float* p, int64_t n, Index i, Here here) {
    if (n >= kReach)
      return Vec<float>(
          _mm512_maskz_permutex2var_ps(here, _mm512_loadu_ps(p), i, _mm512_loadu_ps(p + 16)));
    const auto bits = n > 0 ? (uint32_t{1} << n) - 1 : 0;
    const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(bits), p);
    const __m512 high = bits >> 16
                            ? _mm512_maskz_loadu_ps(static_cast<__mmask16>(bits >> 16), p + 16)
                            : _mm512_setzero_ps();
    return Vec<float>(_mm512_maskz_permutex2var_ps(here, low, i, high));
  }
};
template <>
struct Pick<double> {
  static constexpr bool kExists = true;
  static constexpr int kReach = 16;
  using Index = __m512i;
  using Here = __mmask8;
  static Index index(const int32_t* p) {
    return _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Here here(Index counts, int k) {
    return _mm512_cmpgt_epi64_mask(counts, _mm512_set1_epi64(k));
  }
  static Vec<double> of(const double* p, int64_t n, Index i, Here here) {
    if (n >= kReach)
      return Vec<double>(
          _mm512_maskz_permutex2var_pd(here, _mm512_loadu_pd(p), i, _mm512_loadu_pd(p + 8)));
    const auto bits = n > 0 ? (uint32_t{1} << n) - 1 : 0;
    const __m512d low = _mm512_maskz_loadu_pd(static_cast<__mmask8>(bits), p);
    const __m512d high = bits >> 8 ? _mm512_maskz_loadu_pd(static_cast<__mmask8>(bits >> 8), p + 8)
                                   : _mm512_setzero_pd();
    return Vec<double>(_mm512_maskz_permutex2var_pd(here, low, i, high));
  }
};
#elif defined(__AVX2__)
template <>
struct Pick<float> {
  static constexpr bool kExists = true;
  static constexpr int kReach = 16;
  using Index = __m256i;
  using Here = __m256i;
  static Index index(const int32_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Here here(Index counts, int k) { return _mm256_cmpgt_epi32(counts, _mm256_set1_epi32(k)); }
  static Vec<float> of(const float* p, int64_t n, Index i, Here here) {
    const __m256 low = part(p, n), high = n > 8 ? part(p + 8, n - 8) : _mm256_setzero_ps();
    const __m256 beyond = _mm256_castsi256_ps(_mm256_cmpgt_epi32(i, _mm256_set1_epi32(7)));
    const __m256 picked = _mm256_blendv_ps(_mm256_permutevar8x32_ps(low, i),
                                           _mm256_permutevar8x32_ps(high, i), beyond);
    return Vec<float>(_mm256_and_ps(picked, _mm256_castsi256_ps(here)));
  }

 private:
  static __m256 part(const float* p, int64_t n) {
    if (n >= 8) return _mm256_loadu_ps(p);
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(
        p, _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n < 0 ? 0 : n)), lanes));
  }
};
#endif

}  // namespace wengert
