// What follows from the tail of the normal distribution where that itself is 0. Of float32 in
// registers, of float64 number by number.
#pragma once

#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/special/bessel.h"

namespace wengert::special {

// factor M(scale t) of Mills' ratio M, t >= 0: from 12 on its asymptotic series.
inline Vec<float> mills_ratio(Vec<float> t, double scale, double factor) {
  using namespace detail;
  const Doubles d = to_doubles(at_most(t, 3e38)) * Doubles::repeat(scale);
  const auto half = [](VecD x, VecD near) {
    const VecD u = short_quotient(VecD(1.0), x), r = u * u;
    const VecD series = 1.0 - r * (1.0 - 3.0 * r * (1.0 - 5.0 * r * (1.0 - 7.0 * r)));
    return select(x < 12.0, near, u * kNormalDensity * series);
  };
  const Doubles near = detail::mills_ratio(d);
  return to_floats(Doubles{half(d.low, near.low), half(d.high, near.high)} *
                   Doubles::repeat(factor));
}

struct ScaledErfc {
  Vec<double> operator()(Vec<double> x) const { return lanes(x, scaled_erfc); }
  Vec<float> operator()(Vec<float> x) const {
    using namespace detail;
    const Vec<float> above = mills_ratio(abs(x), M_SQRT2, 2);
    const Vec<float> a = at_least(at_most(x, 0), -9.43), square = a * a;
    const auto e = exp_parts(square, lost_of_product(a, a, square));
    const Vec<float> power = e.value() * last_factor(e);
    return select(x < 0.0, (power - above) + power, above);
  }
};

struct LogNormalCdf {
  Vec<double> operator()(Vec<double> x) const { return lanes(x, log_normal_cdf); }
  Vec<float> operator()(Vec<float> x) const {
    using namespace detail;
    const Vec<float> t = abs(x), half = -0.5 * t, h = half * t;
    const Vec<float> lost = select(t < 1e18, lost_of_product(half, t, h), 0.0);  // of infinity NaN
    const Vec<float> below = (h + log(mills_ratio(t, 1, 1))) + lost;
    const Vec<float> tail = with_normal_tail(x, [](auto mills, auto) { return mills; });
    return select(x < 0.0, below, log1p(-tail));
  }
};

}  // namespace wengert::special
