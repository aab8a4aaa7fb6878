// A register filled from computed places anywhere in a plane.
#pragma once

#include <cstdint>

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
