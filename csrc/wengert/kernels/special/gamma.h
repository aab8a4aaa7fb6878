// The gamma function and its relatives, of one double. What is a pole is infinite, or NaN where its
// two sides differ.
#pragma once

#include <cmath>
#include <limits>
#include <numbers>

namespace wengert::special {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// log |Gamma(x)|; infinite at 0, -1, -2, ...
inline double log_gamma(double x) {
  int sign;  // std::lgamma writes it to a variable that all threads share
  return ::lgamma_r(x, &sign);
}

// log Gamma(a) is (a - 1/2) log a - a + log(2 pi) / 2 plus this, for a >= 10: Stirling's series,
// Abramowitz and Stegun 6.1.41.
inline double stirling_rest(double a) {
  const double r = 1 / a, z = r * r;
  return r * (1.0 / 12 +
              z * (-1.0 / 360 +
                   z * (1.0 / 1260 + z * (-1.0 / 1680 + z * (1.0 / 1188 - z * (691.0 / 360360))))));
}

// psi(x) = d/dx log Gamma(x), for x > 0: psi(x) = psi(x + 1) - 1 / x up to 10, from where the
// asymptotic series holds, Abramowitz and Stegun 6.3.18.
inline double digamma_positive(double x) {
  double sum = 0;
  for (; x < 10; x += 1) sum -= 1 / x;
  const double z = 1 / (x * x);
  const double series =
      z * (1.0 / 12 -
           z * (1.0 / 120 -
                z * (1.0 / 252 -
                     z * (1.0 / 240 - z * (1.0 / 132 - z * (691.0 / 32760 - z * (1.0 / 12)))))));
  return sum + std::log(x) - 0.5 / x - series;
}

// psi(x); below 0 by the reflection psi(1 - x) - psi(x) = pi cot(pi x).
inline double digamma(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  if (x > 0) return std::isinf(x) ? x : digamma_positive(x);
  if (x == std::floor(x)) return kNan;
  const double fraction = x - std::nearbyint(x);  // exact; the cotangent has period 1
  return digamma_positive(1 - x) - std::numbers::pi / std::tan(std::numbers::pi * fraction);
}

// zeta(s, q) = sum_{k >= 0} (q + k)^-s for an integer s > 1 and q > 0: some terms and what Euler
// and Maclaurin say of the rest, with the Bernoulli numbers up to B_14.
[[gnu::noinline]] inline double zeta_positive(double s, double q) {
  double sum = 0;
  for (; q < 10 + s; q += 1) {
    const double term = std::pow(q, -s);
    sum += term;
    if (term <= 1e-18 * sum) return sum;  // soon, where s is large
  }
  if (std::isinf(q)) return 0;
  // B_{2k} / (2k)!
  constexpr double kBernoulli[] = {1.0 / 12,           -1.0 / 720,     1.0 / 30240,
                                   -1.0 / 1209600,     1.0 / 47900160, -691.0 / 1307674368000.0,
                                   1.0 / 74724249600.0};
  const double power = std::pow(q, -s);
  double rest = q / (s - 1) + 0.5, factor = s / q;
  for (int k = 0; k < 7; ++k) {
    rest += kBernoulli[k] * factor;
    factor *= (s + 2 * k + 1) * (s + 2 * k + 2) / (q * q);
  }
  return sum + power * rest;
}

// The same for q < 0 between the poles. The terms from q to the last negative one are those of two
// zetas of positive arguments. How far the poles beside q are is exact where it is small.
[[gnu::noinline]] inline double zeta_negative(double s, double q) {
  const double up = zeta_positive(s, q - std::floor(q)), down = zeta_positive(s, std::ceil(q) - q);
  const double beyond = zeta_positive(s, 1 - q);
  return std::fmod(s, 2) == 1 ? (up - down) + beyond : (up + down) - beyond;
}

// The n-th derivative of psi, n >= 1: (-1)^(n + 1) n! zeta(n + 1, x).
inline double polygamma_of(double n, double x) {
  if (std::isnan(x)) return x;
  const double s = n + 1, sign = std::fmod(s, 2) == 0 ? 1 : -1;
  if (x <= 0 && x == std::floor(x)) return std::isinf(x) ? kNan : sign * kInfinity;
  const double zeta = x > 0 ? zeta_positive(s, x) : zeta_negative(s, x);
  return sign * std::tgamma(s) * zeta;
}
inline double polygamma(double n, double x) { return n == 0 ? digamma(x) : polygamma_of(n, x); }

}  // namespace wengert::special
