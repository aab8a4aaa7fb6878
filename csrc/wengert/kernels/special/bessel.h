// Bessel functions and the normal distribution's relatives, of one double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "wengert/kernels/special/gamma.h"

namespace wengert::special {

// e^-|x| I_n(x) for n = 0 or 1: the power series, whose terms are all of one sign, up to 30, and
// Hankel's expansion beyond; Abramowitz and Stegun 9.6.10, 9.7.1.
inline double scaled_bessel_i(int n, double x) {
  const double a = std::fabs(x);
  if (std::isinf(a)) return 0;
  double y;
  if (a <= 30) {
    const double q = a * a / 4;
    double term = n == 0 ? 1 : a / 2, sum = term;
    for (int k = 1; term > sum * 1e-17; ++k) sum += term *= q / (k * (k + n));
    y = sum * std::exp(-a);
  } else {
    const double mu = 4.0 * n * n;
    double term = 1, sum = 1;
    for (int k = 1; k < 40 && std::fabs(term) > 1e-17; ++k) {
      const double odd = 2 * k - 1;
      sum += term *= (odd * odd - mu) / (8 * k * a);
    }
    y = sum / std::sqrt(2 * std::numbers::pi * a);
  }
  return n == 1 && x < 0 ? -y : y;
}
inline double bessel_i(int n, double x) {
  const double y = scaled_bessel_i(n, x), a = std::fabs(x);
  if (std::isinf(a)) return n == 1 && x < 0 ? -a : a;
  return y * std::exp(a / 2) * std::exp(a / 2);  // one alone is infinite before y e^a is
}

// e^x K_n(x) = int_0^inf exp(-x (cosh t - 1)) cosh(n t) dt, by the trapezoidal rule, whose error
// falls as exp(-pi^2 / step): Abramowitz and Stegun 9.6.24.
inline double scaled_bessel_k(double n, double x) {
  if (!(x > 0)) return x == 0 ? kInfinity : kNan;
  if (std::isinf(x)) return 0;
  // What is integrated is as wide as x^-1/2 where x is large.
  const double step = 0.2 / std::sqrt(std::fmax(1.0, x));
  double sum = 0.5;
  for (int k = 1;; ++k) {
    const double t = k * step, s = std::sinh(t / 2),
                 term = std::exp(-2 * x * s * s) * std::cosh(n * t);
    sum += term;
    if (!(term > sum * 1e-17)) return sum * step;
  }
}

inline double spherical_bessel_j0(double x) {
  if (std::isinf(x)) return 0;
  if (std::fabs(x) < 1e-4) return 1 - x * x / 6;
  return std::sin(x) / x;
}

// e^(x^2) erfc(x); the exponent's rounding is made up for.
inline double scaled_erfc(double x) {
  if (x > 25) {
    const double r = 1 / (2 * x * x);
    return std::numbers::inv_sqrtpi / x * (1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r))));
  }
  if (x < -26.7) return kInfinity;
  const double square = x * x, lost = std::fma(x, x, -square);
  return std::exp(square) * (1 + lost) * std::erfc(x);
}

// log P(X < x) of a normal X.
inline double log_normal_cdf(double x) {
  constexpr double kHalfRoot = std::numbers::sqrt2 / 2;
  if (x < -1) return std::log(scaled_erfc(-x * kHalfRoot) / 2) - x * x / 2;
  return std::log1p(-std::erfc(x * kHalfRoot) / 2);
}

// The x with P(X < x) = p of a normal X: Abramowitz and Stegun 26.2.23, which is off by 4.5e-4, and
// three of Newton's steps on the logarithm.
inline double normal_quantile(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -kInfinity : p == 1 ? kInfinity : kNan;
  const double tail = std::fmin(p, 1 - p);  // 1 - p is exact where it is the less
  if (tail == 0.5) return 0;
  const double goal = std::log(tail), t = std::sqrt(-2 * goal);
  double x = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                     (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  for (int step = 0; step < 3; ++step) {
    const double over_density = 1.2533141373155003 * scaled_erfc(x / std::numbers::sqrt2);
    x += (log_normal_cdf(-x) - goal) * over_density;  // P(X > x) over the density at x
  }
  return p < 0.5 ? -x : x;
}

// zeta(s, q) = sum_{k >= 0} (q + k)^-s.
inline double hurwitz_zeta(double s, double q) {
  if (s == 1) return kInfinity;
  if (!(s > 1) || std::isnan(q)) return kNan;
  if (q > 0) return zeta_positive(s, q);
  if (q == std::floor(q)) return kInfinity;
  if (s != std::floor(s)) return kNan;
  double sum = 0;
  for (; q <= 0; q += 1) {
    const double term = std::pow(q, -s);
    sum += term;
    if (q < -1e6) return kNan;
  }
  return sum + zeta_positive(s, q);
}

// The families of orthogonal polynomials: p_{k+1} of p_k and p_{k-1}.
enum class Polynomial {
  kChebyshevT,
  kChebyshevU,
  kChebyshevV,
  kChebyshevW,
  kHermite,      // the physicist's
  kHermiteProb,  // the probabilist's
  kLaguerre,
  kLegendre,
};
inline double polynomial_of(Polynomial family, double x, double degree) {
  if (std::isnan(degree) || degree <= -1) return 0;
  if (std::isnan(x)) return degree < 1 ? 1 : x;
  using enum Polynomial;
  const auto n = static_cast<int64_t>(std::fmin(degree, 1e6));
  if (n == 0) return 1;
  double p = 1, q = x;
  switch (family) {
    case kChebyshevU:
    case kHermite:
      q = x + x;
      break;
    case kChebyshevV:
      q = x + x - 1;
      break;
    case kChebyshevW:
      q = x + x + 1;
      break;
    case kLaguerre:
      q = 1 - x;
      break;
    default:
      break;
  }
  if (family <= kChebyshevW && std::fabs(x) < 1 && n > 6) {  // recurrences lose digits
    const double a = std::acos(x), m = static_cast<double>(n);
    const double half = family == kChebyshevV ? std::cos(a / 2) : std::sin(a / 2);
    if (family == kChebyshevT) return std::cos(m * a);
    if (family == kChebyshevU) return std::sin((m + 1) * a) / std::sin(a);
    return (family == kChebyshevV ? std::cos((m + 0.5) * a) : std::sin((m + 0.5) * a)) / half;
  }
  for (int64_t k = 1; k < n && !std::isnan(q); ++k) {
    const double i = static_cast<double>(k);
    double next;
    switch (family) {
      case kHermite:
        next = 2 * (x * q - i * p);
        break;
      case kHermiteProb:
        next = x * q - i * p;
        break;
      case kLaguerre:
        next = ((2 * i + 1 - x) * q - i * p) / (i + 1);
        break;
      case kLegendre:
        next = ((2 * i + 1) * x * q - i * p) / (i + 1);
        break;
      default:
        next = (x + x) * q - p;
    }
    p = q;
    q = next;
  }
  return q;
}

}  // namespace wengert::special
