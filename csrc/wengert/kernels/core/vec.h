// Vec<T>: one SIMD register of the build's ISA level with ordinary operators, on Eigen's packets.
// Kernels are written once, as generic lambdas, and run on Vec<float>, Vec<double> and, for the
// other dtypes, on plain numbers.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>
#include <unsupported/Eigen/SpecialFunctions>

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

// The result of a comparison: all bits of a lane set or none.
template <class T>
struct Mask {
  typename Vec<T>::Packet p;
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

#define WENGERT_VEC_COMPARE(op, expression)        \
  template <class T>                               \
  inline Mask<T> operator op(Vec<T> a, Vec<T> b) { \
    using namespace Eigen::internal;               \
    return {expression};                           \
  }                                                \
  template <class T>                               \
  inline Mask<T> operator op(Vec<T> a, double b) { \
    return a op Vec<T>(b);                         \
  }
WENGERT_VEC_COMPARE(<, pcmp_lt(a.p, b.p))
WENGERT_VEC_COMPARE(<=, pcmp_le(a.p, b.p))
WENGERT_VEC_COMPARE(>, pcmp_lt(b.p, a.p))
WENGERT_VEC_COMPARE(>=, pcmp_le(b.p, a.p))
WENGERT_VEC_COMPARE(==, pcmp_eq(a.p, b.p))
#undef WENGERT_VEC_COMPARE

template <class T>
inline Vec<T> select(Mask<T> m, Vec<T> a, Vec<T> b) {
  return Eigen::internal::pselect(m.p, a.p, b.p);
}
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
WENGERT_VEC_FUNCTION(sqrt, psqrt)
WENGERT_VEC_FUNCTION(exp, pexp)
WENGERT_VEC_FUNCTION(log, plog)
WENGERT_VEC_FUNCTION(tanh, ptanh)
WENGERT_VEC_FUNCTION(sin, psin)
WENGERT_VEC_FUNCTION(cos, pcos)
WENGERT_VEC_FUNCTION(floor, pfloor)
WENGERT_VEC_FUNCTION(ceil, pceil)
WENGERT_VEC_FUNCTION(trunc, ptrunc)
WENGERT_VEC_FUNCTION(round_half_even, print)
#undef WENGERT_VEC_FUNCTION

// Eigen's erf of an infinite double is NaN; beyond 6 the result is 1 in either precision.
template <class T>
inline Vec<T> erf(Vec<T> x) {
  using namespace Eigen::internal;
  const auto bound = pset1<typename Vec<T>::Packet>(T(6));
  return perf(pmax<Eigen::PropagateNaN>(pmin<Eigen::PropagateNaN>(x.p, bound), pnegate(bound)));
}

template <class T>
inline Vec<T> exp_nonpositive(Vec<T> x) {
  return exp(x);
}
template <class T>
inline Vec<T> sigmoid(Vec<T> x) {
  return 1.0 / (1.0 + exp(-x));
}
// The normal distribution's probability below x.
template <class T>
inline Vec<T> normal_cdf(Vec<T> x) {
  return 0.5 * (1.0 + erf(x * M_SQRT1_2));
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

#define WENGERT_VEC_LANES(name)                        \
  template <class T>                                   \
  inline Vec<T> name(Vec<T> x) {                       \
    return lanes(x, [](T v) { return std::name(v); }); \
  }
WENGERT_VEC_LANES(exp2)
WENGERT_VEC_LANES(log2)
WENGERT_VEC_LANES(log10)
WENGERT_VEC_LANES(tan)
WENGERT_VEC_LANES(sinh)
WENGERT_VEC_LANES(cosh)
WENGERT_VEC_LANES(asin)
WENGERT_VEC_LANES(acos)
WENGERT_VEC_LANES(atan)
WENGERT_VEC_LANES(asinh)
WENGERT_VEC_LANES(acosh)
WENGERT_VEC_LANES(atanh)
WENGERT_VEC_LANES(erfc)
WENGERT_VEC_LANES(lgamma)
#undef WENGERT_VEC_LANES

// log(1 + x) and exp(x) - 1 without cancellation: the rounding error of u = 1 + x (of u = exp x) is
// cancelled by the same u below the line. W. Kahan, "Branch cuts for complex elementary functions".
template <class T>
inline Vec<T> log1p(Vec<T> x) {
  const Vec<T> u = 1.0 + x;
  const Vec<T> y = log(u) * (x / (u - 1.0));
  return select(u == 1.0, x, select(u == INFINITY, u, y));
}
template <class T>
inline Vec<T> expm1(Vec<T> x) {
  const Vec<T> u = exp(x);
  const Vec<T> d = u - 1.0;
  const Vec<T> y = d * (x / log(u));
  return select(u == 1.0, x, select(u == INFINITY, u, select(d == -1.0, d, y)));
}

// NaN in either argument is the result, as IEEE 754's maximum and PyTorch have it.
template <class T>
inline Vec<T> max(Vec<T> a, Vec<T> b) {
  return Eigen::internal::pmax<Eigen::PropagateNaN>(a.p, b.p);
}
template <class T>
inline Vec<T> min(Vec<T> a, Vec<T> b) {
  return Eigen::internal::pmin<Eigen::PropagateNaN>(a.p, b.p);
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

#include "wengert/kernels/core/vec_math.h"  // IWYU pragma: export
