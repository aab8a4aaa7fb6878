#include "wengert/kernels/core/halves.h"

#include <bit>
#include <type_traits>

#if defined(__AVX2__) && defined(__F16C__)
#include <immintrin.h>
#endif

namespace wengert {
namespace {

template <class N>
float value(uint16_t bits) {
  return static_cast<float>(std::bit_cast<N>(bits));
}

#if defined(__AVX2__) && defined(__F16C__)

float add_product(float x, float y, float to) { return __builtin_fmaf(x, y, to); }

template <class N>
__m256 eight_at(const uint16_t* from) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  if constexpr (std::is_same_v<N, Half>) return _mm256_cvtph_ps(bits);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

template <class N>
__m128i rounded(__m256 x) {
  if constexpr (std::is_same_v<N, Half>)
    return _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  // As in BFloat16: half of a last place is added, less if that is even; NaN is 0x7fc0.
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
  const __m256i r = _mm256_castps_si256(_mm256_blendv_ps(
      _mm256_castsi256_ps(up), _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000)), nan));
  const __m256i upper = _mm256_srli_epi32(r, 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(upper), _mm256_extracti128_si256(upper, 1));
}

// Each returns how many elements are done, from the first on.
template <class N>
int64_t widen_most(float* to, const uint16_t* from, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, eight_at<N>(from + i));
  return i;
}
template <class N>
int64_t round_most(uint16_t* to, const float* from, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), rounded<N>(_mm256_loadu_ps(from + i)));
  return i;
}
template <class N>
int64_t add_most(float* y, const float* x, const uint16_t* const* rows, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    __m256 sum = _mm256_loadu_ps(y + i);
    for (int l = 0; l < 4; ++l)
      sum = _mm256_fmadd_ps(_mm256_set1_ps(x[l]), eight_at<N>(rows[l] + i), sum);
    _mm256_storeu_ps(y + i, sum);
  }
  return i;
}
template <class N>
int64_t dot_most(float& sum, const float* x, const uint16_t* y, int64_t n) {
  __m256 sums[4] = {};  // they hide the latency of an FMA
  int64_t i = 0;
  for (; i + 32 <= n; i += 32)
    for (int s = 0; s < 4; ++s)
      sums[s] =
          _mm256_fmadd_ps(_mm256_loadu_ps(x + i + 8 * s), eight_at<N>(y + i + 8 * s), sums[s]);
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes,
                  _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3])));
  for (float lane : lanes) sum += lane;
  return i;
}

#else

float add_product(float x, float y, float to) { return to + x * y; }

template <class N>
int64_t widen_most(float*, const uint16_t*, int64_t) {
  return 0;
}
template <class N>
int64_t round_most(uint16_t*, const float*, int64_t) {
  return 0;
}
template <class N>
int64_t add_most(float*, const float*, const uint16_t* const*, int64_t) {
  return 0;
}
template <class N>
int64_t dot_most(float&, const float*, const uint16_t*, int64_t) {
  return 0;
}

#endif

template <class N>
constexpr HalfLines kLines = {
    .widen =
        [](float* to, const uint16_t* from, int64_t n) {
          for (int64_t i = widen_most<N>(to, from, n); i < n; ++i) to[i] = value<N>(from[i]);
        },
    .round =
        [](uint16_t* to, const float* from, int64_t n) {
          for (int64_t i = round_most<N>(to, from, n); i < n; ++i)
            to[i] = std::bit_cast<uint16_t>(N(from[i]));
        },
    .add_rows =
        [](float* y, const float* x, const uint16_t* const* rows, int count, int64_t n) {
          for (int64_t i = count == 4 ? add_most<N>(y, x, rows, n) : 0; i < n; ++i)
            for (int l = 0; l < count; ++l) y[i] = add_product(x[l], value<N>(rows[l][i]), y[i]);
        },
    .dot =
        [](const float* x, const uint16_t* y, int64_t n) {
          float sum = 0;
          for (int64_t i = dot_most<N>(sum, x, y, n); i < n; ++i) sum += x[i] * value<N>(y[i]);
          return sum;
        }};

}  // namespace

const HalfLines& half_lines(Dtype d) {
  return d == Dtype::kFloat16 ? kLines<Half> : kLines<BFloat16>;
}

}  // namespace wengert
