// The relatives of the normal distribution and the zeta function, of one double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "wengert/kernels/special/gamma.h"

namespace wengert::special {

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

// zeta(s, q) = sum_{k >= 0} (q + k)^-s, below 0 of whole s.
inline double hurwitz_zeta(double s, double q) {
  if (s == 1) return kInfinity;
  if (!(s > 1) || std::isnan(q)) return kNan;
  if (q > 0) return zeta_positive(s, q);
  if (q == std::floor(q)) return kInfinity;
  if (s != std::floor(s)) return kNan;
  return zeta_negative(s, q);
}

}  // namespace wengert::special
