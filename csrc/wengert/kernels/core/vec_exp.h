// Exponentials and hyperbolic functions. Included by vec.h.
#pragma once

#include "wengert/kernels/core/vec_bits.h"

namespace wengert {
namespace detail {

// e^r = 1 + r + r^2 Q(r), sinh r = r + r^3 S(r^2) and cosh r = 1 + r^2 C(r^2) for |r| <= ln 2 / 2:
// coefficients for the digits of T, most of them computed in float64.
template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float kQ[] = {4.999999343e-1f, 1.666652040e-1f, 4.166839077e-2f, 8.368745133e-3f,
                                 1.381454125e-3f};
  static constexpr double kDoubleQ[] = {0.5000000095315141, 0.16666518603301028,
                                        0.04166620528486199, 0.008368917782129394,
                                        0.0013950528943034216};
  static constexpr double kS[] = {0.1666666675667091, 0.008333285931483048, 0.00019907637995300235};
  static constexpr double kC[] = {0.5000000081043168, 0.041666239859114496, 0.0013948640637153269};
  static constexpr double kLn2High = 0.693359375, kLn2Low = -2.12194440e-4;
  static constexpr double kWhole = 0x1.8p23, kMost = 127;
};
template <>
struct ExpConstants<double> {
  static constexpr double kQ[] = {
      0.500000000000001,      0.16666666666666674,    0.041666666666521524,   0.008333333333322172,
      0.0013888888947962543,  0.00019841269886699926, 2.4801487165838708e-05, 2.755724221351069e-06,
      2.7632716110097873e-07, 2.511009630403349e-08};
  static constexpr double kS[] = {0.16666666666666674, 0.008333333333322172, 0.00019841269886699926,
                                  2.755724221351069e-06, 2.511009630403349e-08};
  static constexpr double kC[] = {0.500000000000001, 0.041666666666521524, 0.0013888888947962543,
                                  2.4801487165838708e-05, 2.7632716110097873e-07};
  // Few bits, and the rest.
  static constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kWhole = 0x1.8p52, kMost = 1023;
};

// The number whose exponent the last bits of `whole` are.
inline VecF power_by(VecF whole) {
  return from_bits(Eigen::internal::plogical_shift_left<23>(bits_of(whole)));
}
inline VecD power_by(VecD whole) { return from_bits(bits_of(whole) << 52); }

// e^x = scale (1 + part) = 2^k (1 + part), |part| < 0.42: what is added to 1 keeps its own digits.
template <class T>
struct ExpParts {
  Vec<T> scale, part, k;
  // Not scale + scale part: the product may be too small for a normal number.
  Vec<T> value() const { return scale * (1.0 + part); }
};
// k = whole - kWhole - kMost, |r| <= ln 2 / 2. The scale is at most 2^kMost.
template <bool kLarge, class T, class C, size_t kN>
inline ExpParts<T> exp_of(Vec<T> whole, Vec<T> k, Vec<T> r, const C (&q)[kN]) {
  using E = ExpConstants<T>;
  const Vec<T> s = r * r, most = kLarge ? at_most(whole, E::kWhole + 2 * E::kMost) : whole;
  return {power_by(most), fma(s, polynomial(q, r, s), r), k};
}
// -88 <= x <= 89, or -709 <= x <= 710. A `rest` is what x has lost by rounding.
//
// A sum with 1.5 2^23 is rounded to a whole number, whose bits are the last ones of the sum: k and,
// with 127 added too, the exponent of 2^k, without a conversion.
template <bool kLarge = true, class T, class... Rest>
inline ExpParts<T> exp_parts(Vec<T> x, Rest... rest) {
  using E = ExpConstants<T>;
  using V = Vec<T>;
  constexpr double kWhole = E::kWhole + E::kMost;
  const V whole = fma(x, V(M_LOG2E), V(kWhole)), k = whole - kWhole;
  const V r = fma(k, V(-E::kLn2Low), (fma(k, V(-E::kLn2High), x) + ... + rest));
  return exp_of<kLarge>(whole, k, r, E::kQ);
}
// Of 2^x: -127 <= x <= 128, or -1023 <= x <= 1024.
template <class T>
inline ExpParts<T> exp2_parts(Vec<T> x) {
  using E = ExpConstants<T>;
  constexpr double kWhole = E::kWhole + E::kMost;
  const Vec<T> whole = x + kWhole, k = whole - kWhole;
  return exp_of<true>(whole, k, (x - k) * M_LN2, E::kQ);
}
// 2 where the scale was to be one above the largest.
template <class T>
inline Vec<T> last_factor(const ExpParts<T>& e) {
  return select(e.k > ExpConstants<T>::kMost, 2.0, Vec<T>(1.0));
}
template <class T>
inline Vec<T> exp_bounded(Vec<T> x) {
  return std::is_same_v<T, float> ? bounded(x, -88, 89) : bounded(x, -709, 710);
}

// Of x = k ln 2 + r, k >= 0, with u = 2^(k-2) and d = 2^(-k-2): u + d, u - d, sinh r and cosh r
// - 1. Digits say how many are needed.
struct Hyperbola {
  VecD sum, difference, sinh, cosh_less;
  VecD sine() const { return 2.0 * (difference + fma(sinh, sum, difference * cosh_less)); }
  VecD cosine() const { return 2.0 * (sum + fma(sinh, difference, sum * cosh_less)); }
};
template <class Digits>
inline Hyperbola hyperbola_of(VecD x) {
  using C = ExpConstants<Digits>;
  using E = ExpConstants<double>;
  constexpr double kWhole = E::kWhole + 1021;
  const VecD a = at_most(abs(x), 710.5);
  const VecD whole = fma(a, VecD(M_LOG2E), VecD(kWhole)), k = whole - kWhole;
  const VecD r = fma(k, VecD(-E::kLn2Low), fma(k, VecD(-E::kLn2High), a)), z = r * r;
  const VecD up = power_by(whole), down = power_by(at_least(kWhole - k, E::kWhole));
  return {up + down, up - down, fma(r * z, polynomial(C::kS, z), r), z * polynomial(C::kC, z)};
}

}  // namespace detail

template <class T>
inline Vec<T> exp(Vec<T> x) {
  const auto e = detail::exp_parts(detail::exp_bounded(x));
  return e.value() * detail::last_factor(e);
}

// Of x <= 0.
template <class T>
inline Vec<T> exp_nonpositive(Vec<T> x) {
  return detail::exp_parts<false>(detail::at_least(x, std::is_same_v<T, float> ? -88 : -709))
      .value();
}

template <class T>
inline Vec<T> exp2(Vec<T> x) {
  constexpr double kMost = detail::ExpConstants<T>::kMost;
  const auto e = detail::exp2_parts(detail::bounded(x, -kMost, kMost + 1));
  return e.value() * detail::last_factor(e);
}

template <class T>
inline Vec<T> expm1(Vec<T> x) {
  const auto e = detail::exp_parts(detail::exp_bounded(x));
  return select(x == 0.0, x, fma(e.scale, e.part, e.scale - 1.0) * detail::last_factor(e));
}

inline Vec<float> sinh(Vec<float> x) {
  using namespace detail;
  const VecF y = by_doubles([](VecD v) { return hyperbola_of<float>(v).sine(); }, x);
  return with_sign(y, x);
}
inline Vec<double> sinh(Vec<double> x) {
  // A quarter of the smallest would be no normal number.
  return select(abs(x) < 0x1p-30, x, detail::with_sign(detail::hyperbola_of<double>(x).sine(), x));
}
inline Vec<float> cosh(Vec<float> x) {
  using namespace detail;
  return by_doubles([](VecD v) { return hyperbola_of<float>(v).cosine(); }, x);
}
inline Vec<double> cosh(Vec<double> x) { return detail::hyperbola_of<double>(x).cosine(); }

// x + x^3 P(x^2) up to 0.55; 1 - 2 / (e^2|x| + 1) beyond, with the sign of x; 1 beyond 10.
inline Vec<float> tanh(Vec<float> x) {
  using namespace detail;
  constexpr float kP[] = {-3.333294664e-1f, 1.332072503e-1f, -5.267181225e-2f, 1.643757897e-2f};
  const VecF t = at_most(abs(x), 10), s = x * x;
  const VecF near = fma(x * s, polynomial(kP, s, s * s), x);
  const auto e = exp_parts<false>(t + t);
  const VecF far = 1.0 - 2.0 / fma(e.scale, e.part, 1.0 + e.scale);
  return with_sign(select(t < 0.55, near, far), x);
}

// (e^2a - 1) / (e^2a + 1) up to a = |x| = 0.55; 1 - 2 / (e^2a + 1) beyond.
inline Vec<double> tanh(Vec<double> x) {
  using namespace detail;
  const VecD t = at_most(abs(x), 20);
  const auto e = exp_parts<false>(t + t);
  const VecD sum = fma(e.scale, e.part, 1.0 + e.scale);
  const Mask<double> near = t < 0.55;
  const VecD quotient = select(near, fma(e.scale, e.part, e.scale - 1.0), -2.0) / sum;
  return select(x == 0.0, x, with_sign(select(near, quotient, 1.0 + quotient), x));
}

// 1 / (1 + e^-x). The scale and 1 are added first; what is lost of a 1 comes with the part.
inline Vec<float> sigmoid(Vec<float> x) {
  const auto e = detail::exp_parts<false>(detail::bounded(-x, -88, 88));
  const auto sum = 1.0 + e.scale, lost = 1.0 - (sum - e.scale);
  return 1.0 / (sum + fma(e.scale, e.part, lost));
}

}  // namespace wengert
