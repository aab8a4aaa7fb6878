#include "wengert/kernels/random/counts.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "wengert/base/error.h"
#include "wengert/kernels/special/gamma.h"

namespace wengert {
namespace {

// What PyTorch computes in F before it goes on in double is computed in F here.
template <class F>
double gamma_of(Generator& g, F shape) {
  if (!(shape > 0)) return 0;
  double scale = 1;
  if (shape < 1) {
    scale = std::pow(1 - g.unit(), static_cast<double>(1 / shape));
    shape += 1;
  }
  const double d = static_cast<double>(shape - F(1.0f / 3.0f));
  const double c = 1 / std::sqrt(9 * d);
  constexpr double kSqueeze = 0.0331f;  // a float in PyTorch
  while (true) {
    double x, y;
    do {
      x = g.normal();
      y = 1 + c * x;
    } while (y <= 0);
    const double v = y * y * y, u = 1 - g.unit(), xx = x * x;
    if (u < 1 - kSqueeze * xx * xx || std::log(u) < 0.5 * xx + d * (1 - v + std::log(v)))
      return scale * d * v;
  }
}

double few_poisson(Generator& g, double rate) {
  if (rate == 0) return 0;
  const double least = std::exp(-rate);
  double product = 1;
  for (double k = 0;; ++k) {
    product *= g.unit();
    if (product <= least) return k;
  }
}

double many_poisson(Generator& g, double rate) {
  if (std::isinf(rate)) return rate;
  const double log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), box = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double u = g.unit() - 0.5, v = g.unit(), us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= box) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const double left = std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b);
    if (left <= -rate + k * log_rate - special::log_gamma(k + 1)) return k;
  }
}

double few_binomial(Generator& g, double count, double p) {
  const double log_miss = std::log1p(-p);
  double trials = 0;
  for (double k = 0;; ++k) {
    trials += std::ceil(std::log(g.unit()) / log_miss);
    if (trials > count) return k;
  }
}

// log k! less what Stirling's formula of k + 1/2 says of it.
double factorial_rest(double k) {
  constexpr double kFirst[] = {
      0.08106146679532726, 0.04134069595540929,  0.02767792568499834, 0.02079067210376509,
      0.01664469118982119, 0.01387612882307075,  0.01189670994589177, 0.01041126526197209,
      0.00925546218271273, 0.008330563433362871,
  };
  if (k <= 9) return kFirst[static_cast<int>(k)];
  const double r = 1 / ((k + 1) * (k + 1));
  return (1.0 / 12 - (1.0 / 360 - r / 1260) * r) / (k + 1);
}

double many_binomial(Generator& g, double count, double p) {
  const double spread = std::sqrt(count * p * (1 - p));
  const double b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = count * p + 0.5, box = 0.92 - 4.2 / b, r = p / (1 - p);
  const double alpha = (2.83 + 5.1 / b) * spread, m = std::floor((count + 1) * p);
  while (true) {
    const double u = g.unit() - 0.5, us = 0.5 - std::fabs(u), v = g.unit();
    const double k = std::floor((2 * a / us + b) * u + c);
    if (us >= 0.07 && v <= box) return k;
    if (k < 0 || k > count) continue;
    const double bound = (m + 0.5) * std::log((m + 1) / (r * (count - m + 1))) +
                         (count + 1) * std::log((count - m + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(r * (count - k + 1) / (k + 1)) + factorial_rest(m) +
                         factorial_rest(count - m) - factorial_rest(k) - factorial_rest(count - k);
    if (std::log(v * alpha / (a / (us * us) + b)) <= bound) return k;
  }
}

double binomial_of(Generator& g, double count, double p) {
  if (std::isnan(p) || std::isnan(count)) return special::kNan;
  if (count <= 0 || p <= 0) return 0;
  if (p >= 1) return count;
  const double rarer = p <= 0.5 ? p : 1 - p;
  const double k =
      count * rarer >= 10 ? many_binomial(g, count, rarer) : few_binomial(g, count, rarer);
  return p <= 0.5 ? k : count - k;
}

}  // namespace

template <typename F>
void fill_gamma(Generator& g, F* out, const F* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = std::max(std::numeric_limits<F>::min(), static_cast<F>(gamma_of(g, a[i])));
}

template <typename F>
void fill_dirichlet(Generator& g, F* out, const F* a, int64_t rows, int64_t size, double* gammas) {
  constexpr F kLeast = std::numeric_limits<F>::min();
  const F most = std::nextafter(F(1), F(0));
  for (int64_t r = 0; r < rows; ++r, out += size, a += size) {
    double sum = 0;
    for (int64_t i = 0; i < size; ++i) {
      gammas[i] =
          std::max(std::numeric_limits<double>::min(), gamma_of(g, static_cast<double>(a[i])));
      sum += gammas[i];
    }
    for (int64_t i = 0; i < size; ++i)
      out[i] = std::min(most, std::max(kLeast, static_cast<F>(gammas[i] / sum)));
  }
}

template <typename F>
void fill_poisson(Generator& g, F* out, const F* rate, int64_t n) {
  check(std::all_of(rate, rate + n, [](F r) { return r >= 0; }),
        "invalid Poisson rate, expected rate to be non-negative");
  for (int64_t i = 0; i < n; ++i) {
    const double r = static_cast<double>(rate[i]);
    out[i] = static_cast<F>(r >= 10 ? many_poisson(g, r) : few_poisson(g, r));
  }
}

template <typename F>
void fill_binomial(Generator& g, F* out, const F* count, const F* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    out[i] =
        static_cast<F>(binomial_of(g, static_cast<double>(count[i]), static_cast<double>(p[i])));
}

#define WENGERT_COUNTS(F)                                                               \
  template void fill_gamma<F>(Generator&, F*, const F*, int64_t);                       \
  template void fill_dirichlet<F>(Generator&, F*, const F*, int64_t, int64_t, double*); \
  template void fill_poisson<F>(Generator&, F*, const F*, int64_t);                     \
  template void fill_binomial<F>(Generator&, F*, const F*, const F*, int64_t);
WENGERT_COUNTS(float)
WENGERT_COUNTS(double)
#undef WENGERT_COUNTS

}  // namespace wengert
