// Vec<T>: one SIMD register of the build's ISA level with ordinary operators, on Eigen's packets.
// Kernels are written once, as generic lambdas, and run on Vec<float>, Vec<double> and, for the
// other dtypes, on plain numbers.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "wengert/kernels/core/eigen.h"

namespace wengert {

template <class T>
struct Vec {
  using Packet = typename Eigen::internal::packet_traits<T>::type;
  using Scalar = T;
  static constexpr int kSize = Eigen::internal::unpacket_traits<Packet>::size;
  Packet p;

  Vec() = default;
  Vec(Packet v) : p(v) {}
  Vec(double v) : p(Eigen::internal::pset1<Packet>(static_cast<T>(v))) {}
  static Vec load(const T* from) { return Eigen::internal::ploadu<Packet>(from); }
  // The same number in all lanes; the number in the first.
  static Vec repeat(T v) { return Eigen::internal::pset1<Packet>(v); }
  T first() const { return Eigen::internal::pfirst(p); }
  void store(T* to) const { Eigen::internal::pstoreu(to, p); }
};

// The result of a comparison: all bits of a lane set or none; with AVX-512 a bit for each lane,
// which Eigen would turn into lanes and back.
template <class T>
struct Mask {
#if defined(__AVX512F__)
  std::conditional_t<sizeof(T) == 4, __mmask16, __mmask8> bits;
#else
  typename Vec<T>::Packet p;
#endif
};

template <class V>
inline constexpr bool is_vec = false;
template <class T>
inline constexpr bool is_vec<Vec<T>> = true;

#define WENGERT_VEC_BINARY(op, function)          \
  template <class T>                              \
  inline Vec<T> operator op(Vec<T> a, Vec<T> b) { \
    return Eigen::internal::function(a.p, b.p);   \
  }                                               \
  template <class T>                              \
  inline Vec<T> operator op(Vec<T> a, double b) { \
    return a op Vec<T>(b);                        \
  }                                               \
  template <class T>                              \
  inline Vec<T> operator op(double a, Vec<T> b) { \
    return Vec<T>(a) op b;                        \
  }
WENGERT_VEC_BINARY(+, padd)
WENGERT_VEC_BINARY(-, psub)
WENGERT_VEC_BINARY(*, pmul)
WENGERT_VEC_BINARY(/, pdiv)
#undef WENGERT_VEC_BINARY

template <class T>
inline Vec<T> operator-(Vec<T> a) {
  return Eigen::internal::pnegate(a.p);
}

#if defined(__AVX512F__)
#define WENGERT_VEC_COMPARE(op, how, expression)                  \
  inline Mask<float> operator op(Vec<float> a, Vec<float> b) {    \
    return {_mm512_cmp_ps_mask(a.p, b.p, how)};                   \
  }                                                               \
  inline Mask<double> operator op(Vec<double> a, Vec<double> b) { \
    return {_mm512_cmp_pd_mask(a.p, b.p, how)};                   \
  }                                                               \
  template <class T>                                              \
  inline Mask<T> operator op(Vec<T> a, double b) {                \
    return a op Vec<T>(b);                                        \
  }
#else
#define WENGERT_VEC_COMPARE(op, how, expression)   \
  template <class T>                               \
  inline Mask<T> operator op(Vec<T> a, Vec<T> b) { \
    using namespace Eigen::internal;               \
    return {expression};                           \
  }                                                \
  template <class T>                               \
  inline Mask<T> operator op(Vec<T> a, double b) { \
    return a op Vec<T>(b);                         \
  }
#endif
WENGERT_VEC_COMPARE(<, _CMP_LT_OQ, pcmp_lt(a.p, b.p))
WENGERT_VEC_COMPARE(<=, _CMP_LE_OQ, pcmp_le(a.p, b.p))
WENGERT_VEC_COMPARE(>, _CMP_GT_OQ, pcmp_lt(b.p, a.p))
WENGERT_VEC_COMPARE(>=, _CMP_GE_OQ, pcmp_le(b.p, a.p))
WENGERT_VEC_COMPARE(==, _CMP_EQ_OQ, pcmp_eq(a.p, b.p))
WENGERT_VEC_COMPARE(!=, _CMP_NEQ_UQ, pandnot(ptrue(a.p), pcmp_eq(a.p, b.p)))
#undef WENGERT_VEC_COMPARE

#if defined(__AVX512F__)
inline Vec<float> select(Mask<float> m, Vec<float> a, Vec<float> b) {
  return _mm512_mask_blend_ps(m.bits, b.p, a.p);
}
inline Vec<double> select(Mask<double> m, Vec<double> a, Vec<double> b) {
  return _mm512_mask_blend_pd(m.bits, b.p, a.p);
}
template <class T>
inline Mask<T> operator&(Mask<T> a, Mask<T> b) {
  return {static_cast<decltype(a.bits)>(a.bits & b.bits)};
}
template <class T>
inline Mask<T> operator|(Mask<T> a, Mask<T> b) {
  return {static_cast<decltype(a.bits)>(a.bits | b.bits)};
}
template <class T>
inline bool any(Mask<T> m) {
  return m.bits != 0;
}
#else
template <class T>
inline Vec<T> select(Mask<T> m, Vec<T> a, Vec<T> b) {
  return Eigen::internal::pselect(m.p, a.p, b.p);
}
template <class T>
inline Mask<T> operator&(Mask<T> a, Mask<T> b) {
  return {Eigen::internal::pand(a.p, b.p)};
}
template <class T>
inline Mask<T> operator|(Mask<T> a, Mask<T> b) {
  return {Eigen::internal::por(a.p, b.p)};
}
template <class T>
inline bool any(Mask<T> m) {
  return Eigen::internal::predux_any(m.p);
}
#endif
template <class T>
inline Vec<T> select(Mask<T> m, Vec<T> a, double b) {
  return select(m, a, Vec<T>(b));
}
template <class T>
inline Vec<T> select(Mask<T> m, double a, Vec<T> b) {
  return select(m, Vec<T>(a), b);
}
template <class T>
inline T select(bool m, T a, T b) {
  return m ? a : b;
}

// a b + c, rounded once where the CPU can.
template <class T>
inline Vec<T> fma(Vec<T> a, Vec<T> b, Vec<T> c) {
  return Eigen::internal::pmadd(a.p, b.p, c.p);
}

// With zeros for numbers without a normal exponent, as arithmetic has them; see Note [denormals].
template <class T>
inline Vec<T> flushed(Vec<T> x) {
  typename Vec<T>::Packet zero = Eigen::internal::pset1<typename Vec<T>::Packet>(T(0));
  EIGEN_OPTIMIZATION_BARRIER(zero)  // a difference that looks like x would be left out
  return Eigen::internal::psub(x.p, zero);
}

// Applies a function of plain numbers lane by lane, where there is no vector form. Functions of the
// C library look at bits, and are wrong about denormals that arithmetic takes for zeros.
template <class T, class F>
inline Vec<T> lanes(Vec<T> x, F f) {
  T v[Vec<T>::kSize];
  flushed(x).store(v);
  for (T& e : v) e = f(e);
  return Vec<T>::load(v);
}
template <class T, class F>
inline Vec<T> lanes(Vec<T> x, Vec<T> y, F f) {
  T v[Vec<T>::kSize], w[Vec<T>::kSize];
  flushed(x).store(v);
  flushed(y).store(w);
  for (int i = 0; i < Vec<T>::kSize; ++i) v[i] = f(v[i], w[i]);
  return Vec<T>::load(v);
}

#define WENGERT_VEC_FUNCTION(name, function) \
  template <class T>                         \
  inline Vec<T> name(Vec<T> x) {             \
    return Eigen::internal::function(x.p);   \
  }
WENGERT_VEC_FUNCTION(abs, pabs)
WENGERT_VEC_FUNCTION(floor, pfloor)
WENGERT_VEC_FUNCTION(ceil, pceil)
WENGERT_VEC_FUNCTION(trunc, ptrunc)
WENGERT_VEC_FUNCTION(round_half_even, print)
#undef WENGERT_VEC_FUNCTION

// Rounded as IEEE 754 has it, where Eigen's with AVX-512 is an approximation.
#if defined(__AVX512F__)
namespace detail {
// The processor's takes 12 cycles, of doubles 24. From 14 digits of x^-1/2 Newton's method makes y
// and h = 1 / 2y, and h (x - y^2), whose difference is exact, corrects y to the nearest number. P.
// Markstein, "Computation of elementary functions on the IBM RISC System/6000 processor", 1990.
template <class T, class F>
inline Vec<T> rounded_root(Vec<T> x, Vec<T> estimate, double least, const F& exact) {
  using Eigen::internal::pnmadd;
  Vec<T> y = x * estimate, h = 0.5 * estimate;
  for (int i = 0; i < (sizeof(T) == 4 ? 1 : 2); ++i) {
    const Vec<T> r = pnmadd(h.p, y.p, Vec<T>(0.5).p);
    y = fma(y, r, y);
    h = fma(h, r, h);
  }
  y = fma(h, Vec<T>(pnmadd(y.p, y.p, x.p)), y);
  // Of 0 and infinity the estimate is none; of the smallest the difference is no normal number.
  const Mask<T> edge = (x < least) | (x == INFINITY);
  if (any(edge)) [[unlikely]]
    return select(edge, exact(), y);
  return y;
}
}  // namespace detail
inline Vec<float> sqrt(Vec<float> x) {
  return detail::rounded_root<float>(x, _mm512_rsqrt14_ps(x.p), 0x1p-100,
                                     [&] { return Vec<float>(_mm512_sqrt_ps(x.p)); });
}
inline Vec<double> sqrt(Vec<double> x) {
  return detail::rounded_root<double>(x, _mm512_rsqrt14_pd(x.p), 0x1p-900,
                                      [&] { return Vec<double>(_mm512_sqrt_pd(x.p)); });
}
#else
template <class T>
inline Vec<T> sqrt(Vec<T> x) {
  return Eigen::internal::psqrt(x.p);
}
#endif

template <class T>
inline Vec<T> sigmoid(Vec<T> x) {
  return 1.0 / (1.0 + exp(-x));
}
inline constexpr double kNormalDensity = 0.5 * M_2_SQRTPI * M_SQRT1_2;  // at 0: 1 / sqrt(2 pi)
template <class T>
inline Vec<T> gelu(Vec<T> x) {
  return x * normal_cdf(x);
}
// Its derivative, P(x) + x P'(x).
template <class T>
inline Vec<T> gelu_slope(Vec<T> x) {
  return normal_cdf(x) + x * (kNormalDensity * exp(-0.5 * x * x));
}

// NaN in either argument is the result, as IEEE 754's maximum and PyTorch have it.
// Of the two, Eigen's give a where either is NaN, so only b has to be looked at.
template <class T>
inline Vec<T> max(Vec<T> a, Vec<T> b) {
  return select(b == b, Vec<T>(Eigen::internal::pmax(a.p, b.p)), b);
}
template <class T>
inline Vec<T> min(Vec<T> a, Vec<T> b) {
  return select(b == b, Vec<T>(Eigen::internal::pmin(a.p, b.p)), b);
}
template <class T>
  requires std::is_arithmetic_v<T>
inline T max(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a != a || a > b ? a : b;
  return a > b ? a : b;
}
template <class T>
  requires std::is_arithmetic_v<T>
inline T min(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a != a || a < b ? a : b;
  return a < b ? a : b;
}

}  // namespace wengert

// Functions of the widths that have a vector form, to within 2 units in the last place in float32;
// benchmarks/README.md lists what was measured. Polynomials are minimax fits in the variables
// given; reductions are those of W. Cody, W. Waite, "Software Manual for the Elementary Functions",
// 1980.
#include "wengert/kernels/core/vec_exp.h"     // IWYU pragma: export
#include "wengert/kernels/core/vec_log.h"     // IWYU pragma: export
#include "wengert/kernels/core/vec_normal.h"  // IWYU pragma: export
#include "wengert/kernels/core/vec_power.h"   // IWYU pragma: export
#include "wengert/kernels/core/vec_trig.h"    // IWYU pragma: export
