#include "wengert/kernels/special/incomplete.h"

#include <algorithm>
#include <cmath>

#include "wengert/kernels/special/gamma.h"

namespace wengert::special {
namespace {

constexpr double kEnough = 1e-17;   // a term this small against the sum changes nothing
constexpr int kMostTerms = 100000;  // more than any arguments need that are not huge
constexpr double kHuge = 1e6;       // from this a on the asymptotic expansions are exact

// mu - log(1 + mu), by its series near 0, where the difference would lose digits.
double phi(double mu) {
  if (std::fabs(mu) > 0.1) return mu - std::log1p(mu);
  double sum = 0;
  for (int k = 18; k >= 2; --k) sum = (k % 2 == 0 ? 1.0 : -1.0) / k + mu * sum;
  return mu * mu * sum;
}

// x^a e^-x / Gamma(a + 1)
double front(double a, double x) {
  if (a < 20) return std::exp(a * std::log(x) - x - log_gamma(a + 1));
  return std::exp(-a * phi((x - a) / a) - stirling_rest(a)) / std::sqrt(2 * std::numbers::pi * a);
}

struct Sum {
  double value;
  double slope;  // its derivative by a
};

// S = sum_n x^n / ((a + 1) ... (a + n)): P = x^a e^-x / Gamma(a + 1) S.
Sum series(double a, double x) {
  double term = 1, harmonic = 0, value = 1, slope = 0;
  for (int n = 1; n < kMostTerms; ++n) {
    term *= x / (a + n);
    harmonic += 1 / (a + n);
    value += term;
    slope -= term * harmonic;
    if (term * harmonic <= kEnough * std::fabs(slope) && term <= kEnough * value) break;
  }
  return {value, slope};
}

// C = 1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))):
// Q = x^a e^-x / Gamma(a) C. Abramowitz and Stegun 6.5.31, by its convergents and their
// derivatives.
Sum fraction(double a, double x) {
  double p0 = 0, p1 = 1, q0 = 1, q1 = x + 1 - a;  // p / q, the previous and the last
  double dp0 = 0, dp1 = 0, dq0 = 0, dq1 = -1;     // their derivatives by a
  double value = p1 / q1, slope = -value * dq1 / q1;
  for (int n = 1; n < kMostTerms; ++n) {
    const double c = n * (a - n), dc = n, b = x + 2 * n + 1 - a;
    const double p = b * p1 + c * p0, q = b * q1 + c * q0;
    const double dp = b * dp1 - p1 + c * dp0 + dc * p0, dq = b * dq1 - q1 + c * dq0 + dc * q0;
    const double scale = 1 / q;
    p0 = p1 * scale, q0 = q1 * scale, dp0 = dp1 * scale, dq0 = dq1 * scale;
    p1 = p * scale, q1 = 1, dp1 = dp * scale, dq1 = dq * scale;
    const double last = value, last_slope = slope;
    value = p1;
    slope = dp1 - p1 * dq1;
    if (std::fabs(value - last) <= 1e-16 * std::fabs(value) &&
        std::fabs(slope - last_slope) <= 1e-15 * std::fabs(slope))
      break;
  }
  return {value, slope};
}

// P or Q for a huge a: the error function, and the first terms of what Temme adds to it,
// "The asymptotic expansion of the incomplete gamma functions", 1979.
double huge(double a, double x, bool lower) {
  const double mu = (x - a) / a;
  const double eta = std::copysign(std::sqrt(2 * phi(mu)), mu);
  const double c0 = std::fabs(eta) < 1e-2
                        ? -1.0 / 3 + eta * (1.0 / 12 - eta * (2.0 / 135 - eta / 864))
                        : 1 / mu - 1 / eta;
  const double rest =
      std::exp(-a * eta * eta / 2) / std::sqrt(2 * std::numbers::pi * a) * (c0 - 1 / (540 * a));
  const double z = eta * std::sqrt(a / 2);
  return lower ? std::erfc(-z) / 2 - rest : std::erfc(z) / 2 + rest;
}

double incomplete(double a, double x, bool lower) {
  const double low = lower ? 0 : 1, high = lower ? 1 : 0;  // at x = 0, at x = infinity
  if (!(a >= 0 && x >= 0)) return kNan;
  if (a == 0) return x > 0 ? high : kNan;
  if (x == 0) return low;
  if (std::isinf(a)) return std::isinf(x) ? kNan : low;
  if (std::isinf(x)) return high;
  if (a > kHuge && std::fabs(x - a) < 0.5 * a) return huge(a, x, lower);
  if (x <= a + 1) {
    const double p = front(a, x) * series(a, x).value;
    return lower ? p : 1 - p;
  }
  const double q = front(a, x) * a * fraction(a, x).value;
  return lower ? 1 - q : q;
}

// sum_n (a + b) ... (a + b + n - 1) / ((c + 1) ... (c + n)) x^n and its derivative by a, c being a
// or b: the incomplete beta functions of either end are that times a multiple of the density.
Sum beta_series(double a, double b, double c, bool of_a, double x) {
  double term = 1, log_slope = 0, value = 1, slope = 0;
  for (int n = 0; n < kMostTerms; ++n) {
    term *= (a + b + n) / (c + 1 + n) * x;
    log_slope += 1 / (a + b + n) - (of_a ? 1 / (c + 1 + n) : 0);
    value += term;
    slope += term * log_slope;
    // The terms rise before they fall where c is large and b is not.
    if ((a + b + n) * x < c + 1 + n && term <= kEnough * value &&
        std::fabs(term * log_slope) <= kEnough * std::fabs(slope))
      break;
  }
  return {value, slope};
}

}  // namespace

double gamma_lower(double a, double x) { return incomplete(a, x, true); }
double gamma_upper(double a, double x) { return incomplete(a, x, false); }

double gamma_density(double a, double x) {
  if (!(a >= 0 && x >= 0)) return kNan;
  if (x == 0) return a > 1 ? 0 : a == 1 ? 1 : kInfinity;
  if (a == 0 || std::isinf(x)) return 0;
  return front(a, x) * (a / x);
}

double gamma_slope(double a, double x) {
  if (!(a > 0 && x > 0)) return a > 0 && x == 0 ? 0 : kNan;
  if (a > kHuge) {
    // x = a + z sqrt(a) + (z^2 - 1) / 3 + (z^3 - 7 z) / (36 sqrt(a)) + ..., Cornish and Fisher.
    const double root = std::sqrt(a);
    double z = (x - a) / root;
    z -= (z * z - 1) / (3 * root);
    return 1 + z / (2 * root) - (z * z * z - 7 * z) / (72 * a * root);
  }
  if (x <= a + 1) {
    const Sum s = series(a, x);
    return -(x / a) * ((std::log(x) - digamma_positive(a + 1)) * s.value + s.slope);
  }
  const Sum c = fraction(a, x);
  return x * ((std::log(x) - digamma_positive(a)) * c.value + c.slope);
}

double beta_slope(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) return kNan;
  if (x == 0) return 0;
  const double both = digamma_positive(a + b);
  // Each series where its terms fall at once: on its own side of the mean.
  if (x * (a + b) <= a) {
    const Sum s = beta_series(a, b, a, true, x);
    return -(x / a) * ((std::log(x) - digamma_positive(a + 1) + both) * s.value + s.slope);
  }
  const Sum t = beta_series(a, b, b, false, 1 - x);
  return (x / b) * ((std::log(x) - digamma_positive(a) + both) * t.value + t.slope);
}

}  // namespace wengert::special
