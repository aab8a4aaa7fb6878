// The functions of incomplete.h on registers of doubles, where both arguments are positive and
// ordinary; the rest lane by lane.
#pragma once

#include "wengert/kernels/special/incomplete.h"
#include "wengert/kernels/special/vec_gamma.h"

namespace wengert::special {

// 1 / Gamma(a + 1) - 1 for 0 < a <= 1.
inline VecD reciprocal_gamma_less_1(VecD a) {
  // Over a, of 2 a - 1.
  static constexpr double kR[] = {
      0.2567583341910253,     -0.2979328606363083,     0.034605642873523454,
      0.009169863637448835,   -0.0027990061062833907,  0.00016430802093919208,
      4.2345034930474605e-05, -9.208607296313034e-06,  5.310306852290835e-07,
      6.411960820583237e-08,  -1.4602910251648548e-08, 1.0268795920707758e-09,
      2.9795508222029476e-11, -1.2037656833815847e-11};
  const VecD t = a + a - 1.0;
  return a * detail::polynomial(kR, t, t * t);
}
// 1 / Gamma(a + 1) for 0 < a < 2, of a - 1 from 1 on: near 1 and 2 no logarithm keeps the digits.
inline VecD reciprocal_gamma(VecD a) {
  const Mask<double> beyond = a >= 1.0;
  const VecD y = reciprocal_gamma_less_1(select(beyond, a - 1.0, a)) + 1.0;
  return select(beyond, y / a, y);
}
// x^a e^-x / Gamma(a + 1). From a = 20 on by m - log(1 + m), m = (x - a) / a: near 0 by its series,
// else both of x / a as it was rounded, which hardly moves the difference.
[[gnu::noinline]] inline VecD incomplete_front(VecD a, VecD x) {
  static constexpr double kPhi[] = {1.0 / 2,  -1.0 / 3,  1.0 / 4,  -1.0 / 5,  1.0 / 6,  -1.0 / 7,
                                    1.0 / 8,  -1.0 / 9,  1.0 / 10, -1.0 / 11, 1.0 / 12, -1.0 / 13,
                                    1.0 / 14, -1.0 / 15, 1.0 / 16, -1.0 / 17, 1.0 / 18};
  const Mask<double> large = a >= 20.0;
  const VecD ratio = select(large, x / a, x), l = log(ratio), m = (x - a) / a;
  const Mask<double> small = a < 2.0;
  VecD y = fma(a, l, -x) - select(small, 0.0, log_gamma_on(a + 1.0));
  if (any(large)) {
    const VecD r = 1.0 / a, z = r * r;
    const VecD near = m * m * detail::polynomial(kPhi, m, m * m);
    const VecD phi = select(abs(m) > 0.1, (ratio - 1.0) - l, near);
    const VecD rest = r * (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680))));
    y = select(large, -a * phi - rest, y);
  }
  y = exp(y);
  if (any(small)) y = select(small, y * reciprocal_gamma(a), y);
  return any(large) ? select(large, y / sqrt(2 * std::numbers::pi * a), y) : y;
}

// The series for P of incomplete.cpp, over its front, to `enough` digits; x = 0 takes one step.
inline VecD incomplete_series(VecD a, VecD x, double enough) {
  VecD term(1.0), sum(1.0), y(1.0);
  Mask<double> active = a == a;  // a lane that is done keeps its value, whatever the others need
  for (double n = 1; n < 1e5; n += 4) {
    for (int k = 0; k < 4; ++k) {
      term = term * (x / (a + (n + k)));
      sum = sum + term;
    }
    y = select(active, sum, y);
    active = active & (term > enough * sum);
    if (!any(active)) break;
  }
  return y;
}
// The continued fraction for Q, over its front times a. Eight steps of its convergents are too few
// to overflow.
inline VecD incomplete_fraction(VecD a, VecD x, double enough) {
  VecD p0(0.0), p1(1.0), q0(1.0), q1 = x + (1.0 - a), y(0.0);
  Mask<double> active = a == a;
  for (double n = 1; n < 1e5; n += 8) {
    for (int k = 0; k < 8; ++k) {
      const double at = n + k;
      const VecD c = at * (a - at), b = x - a + (2 * at + 1);
      const VecD p = fma(b, p1, c * p0), q = fma(b, q1, c * q0);
      p0 = p1, q0 = q1, p1 = p, q1 = q;
    }
    const VecD scale = 1.0 / q1;
    p0 = p0 * scale, q0 = q0 * scale, p1 = p1 * scale, q1 = VecD(1.0);
    y = select(active, p1, y);
    active = active & (abs(p1 * q0 - p0) > enough * abs(p0));
    if (!any(active)) break;
  }
  return y;
}
// Q where 1 - P would lose it: for a < 1 and x <= a + 1 it is
//   1 - x^a / Gamma(a + 1) (1 + a S),  S = sum_{n >= 1} (-x)^n / (n! (a + n)),
// and each factor is known by how far it is from 1.
[[gnu::noinline]] inline VecD incomplete_small(VecD a, VecD x) {
  VecD term(1.0), sum(0.0);
  for (double n = 1; n <= 24; ++n) {
    term = term * x * (-1 / n);
    sum = sum + term / (a + n);
  }
  const VecD power = expm1(a * log(x)), gamma = reciprocal_gamma_less_1(a);
  const VecD front = fma(power, gamma, power + gamma);
  return -front - (front + 1.0) * a * sum;
}
// P(a, x), or Q. Left out are lanes of too many steps, and those at the edges.
[[gnu::noinline]] inline VecD incomplete_gamma(VecD a, VecD x, bool lower, double enough) {
  const Mask<double> plain = (a > 1e-300) & (a <= 1e6) & (x > 1e-300) & (x < 1e30);
  const Mask<double> near = plain & (x <= a + 1.0), far = plain & (x > a + 1.0);
  const VecD front = incomplete_front(a, x);
  VecD y(0.0);
  if (any(near)) {
    const VecD p = front * incomplete_series(a, select(near, x, 0.0), enough);
    y = lower ? p : 1.0 - p;
    const Mask<double> small = near & (a < 1.0);
    if (!lower && any(small))
      y = select(small, incomplete_small(select(small, a, 0.5), select(small, x, 0.5)), y);
  }
  if (any(far)) {
    const VecD b = select(far, a, 1.0);
    const VecD q = front * a * incomplete_fraction(b, select(far, x, 2.0), enough + 4e-16);
    y = select(far, lower ? 1.0 - q : q, y);
  }
  if (any(select(plain, 0.0, VecD(1.0)) > 0.0)) [[unlikely]]
    y = select(plain, y, lanes(a, x, lower ? gamma_lower : gamma_upper));
  return y;
}
template <bool kLower>
struct IncompleteGamma {
  VecD operator()(VecD a, VecD x) const { return incomplete_gamma(a, x, kLower, 1e-17); }
  Vec<float> operator()(Vec<float> a, Vec<float> x) const {
    return detail::by_doubles([](VecD v, VecD w) { return incomplete_gamma(v, w, kLower, 1e-11); },
                              a, x);
  }
};
struct GammaDensity {
  [[gnu::noinline]] static VecD on(VecD a, VecD x) {
    const VecD y = incomplete_front(a, x) * (a / x);
    const Mask<double> plain = (a > 1e-300) & (a < 1e300) & (x > 1e-300) & (x < 1e300);
    if (any(select(plain, 0.0, VecD(1.0)) > 0.0)) [[unlikely]]
      return select(plain, y, lanes(a, x, gamma_density));
    return y;
  }
  VecD operator()(VecD a, VecD x) const { return on(a, x); }
  Vec<float> operator()(Vec<float> a, Vec<float> x) const { return detail::by_doubles(on, a, x); }
};

}  // namespace wengert::special
