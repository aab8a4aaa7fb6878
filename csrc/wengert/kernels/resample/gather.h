// A register filled from computed places anywhere in a plane.
#pragma once

#include <cstdint>
#include <utility>

#include "wengert/kernels/core/vec.h"

namespace wengert {

// Gather<T>(offset).from(p): what stands at p + offset[i], for a register of i; 0 where the offset
// is negative, which reads nothing.
template <class T>
class Gather {
 public:
  explicit Gather(const int32_t* offset) : offset_(offset) {}
  Vec<T> from(const T* p) const {
    T lane[Vec<T>::kSize];
    for (int i = 0; i < Vec<T>::kSize; ++i) lane[i] = offset_[i] < 0 ? T(0) : p[offset_[i]];
    return Vec<T>::load(lane);
  }

 private:
  const int32_t* offset_;
};

// The same of neighbouring pixels, both in the image, with one access for two:
// PairGather<T>(offset) reads p + offset[i] and the one behind.
template <class T>
struct PairGather {
  static constexpr bool kExists = false;
};

#if defined(__AVX512F__)
template <>
class Gather<float> {
 public:
  explicit Gather(const int32_t* offset)
      : at_(_mm512_loadu_si512(offset)),
        here_(_mm512_cmpge_epi32_mask(at_, _mm512_setzero_si512())) {}
  Vec<float> from(const float* p) const {
    return Vec<float>(_mm512_mask_i32gather_ps(_mm512_setzero_ps(), here_, at_, p, 4));
  }

 private:
  __m512i at_;
  __mmask16 here_;
};
template <>
class PairGather<float> {
 public:
  static constexpr bool kExists = true;
  explicit PairGather(const int32_t* offset)
      : low_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset))),
        high_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset + 8))) {}
  std::pair<Vec<float>, Vec<float>> from(const float* p) const {
    const __m512 low = _mm512_castsi512_ps(_mm512_i32gather_epi64(low_, p, 4));
    const __m512 high = _mm512_castsi512_ps(_mm512_i32gather_epi64(high_, p, 4));
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return {Vec<float>(_mm512_permutex2var_ps(low, even, high)),
            Vec<float>(_mm512_permutex2var_ps(low, odd, high))};
  }

 private:
  __m256i low_, high_;
};
template <>
class Gather<double> {
 public:
  explicit Gather(const int32_t* offset)
      : at_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset))),
        here_(_mm512_cmpge_epi64_mask(_mm512_cvtepi32_epi64(at_), _mm512_setzero_si512())) {}
  Vec<double> from(const double* p) const {
    return Vec<double>(_mm512_mask_i32gather_pd(_mm512_setzero_pd(), here_, at_, p, 8));
  }

 private:
  __m256i at_;
  __mmask8 here_;
};
#elif defined(__AVX2__)
// The sign bit of a lane of the mask says that it is wanted.
template <>
class Gather<float> {
 public:
  explicit Gather(const int32_t* offset)
      : at_(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset))),
        here_(_mm256_castsi256_ps(_mm256_xor_si256(at_, _mm256_set1_epi32(-1)))) {}
  Vec<float> from(const float* p) const {
    return Vec<float>(_mm256_mask_i32gather_ps(_mm256_setzero_ps(), p, at_, here_, 4));
  }

 private:
  __m256i at_;
  __m256 here_;
};
template <>
class Gather<double> {
 public:
  explicit Gather(const int32_t* offset)
      : at_(_mm_loadu_si128(reinterpret_cast<const __m128i*>(offset))),
        here_(_mm256_castsi256_pd(_mm256_cvtepi32_epi64(_mm_xor_si128(at_, _mm_set1_epi32(-1))))) {}
  Vec<double> from(const double* p) const {
    return Vec<double>(_mm256_mask_i32gather_pd(_mm256_setzero_pd(), p, at_, here_, 8));
  }

 private:
  __m128i at_;
  __m256d here_;
};
#endif

}  // namespace wengert
