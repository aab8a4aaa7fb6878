// Orthogonal polynomials on registers of doubles.
#pragma once

#include <utility>

#include "wengert/kernels/special/polynomials.h"

namespace wengert::special {

// p_{k+1} = (shift + slope x) p_k - back p_{k-1}; p_{-1} is 0.
struct Recurrence {
  double shift, slope, back;
};
template <Polynomial kFamily>
inline Recurrence recurrence(double k) {
  using enum Polynomial;
  const double first = k == 0 ? 1 : 0;
  if constexpr (kFamily == kHermite) return {0, 2, k + k};
  if constexpr (kFamily == kHermiteProb) return {0, 1, k};
  if constexpr (kFamily == kChebyshevT) return {0, 2 - first, 1};
  if constexpr (kFamily == kChebyshevU) return {0, 2, 1};
  if constexpr (kFamily == kChebyshevV) return {-first, 2, 1};
  if constexpr (kFamily == kChebyshevW) return {first, 2, 1};
  // What is added to 1 is what is taken off again, to the last bit: of 1 all values are 1.
  const double r = 1 / (k + 1), more = 1 + k * r, back = more - 1;
  if constexpr (kFamily == kLaguerre) return {more, -r, back};
  return {0, more, back};  // Legendre's
}

// Chebyshev's of degree n by the angle, for -1 < x < 1.
inline VecD chebyshev_by_angle(Polynomial family, VecD x, VecD n) {
  using enum Polynomial;
  const VecD a = acos(x), half = 0.5 * a;
  if (family == kChebyshevT) return cos(n * a);
  if (family == kChebyshevU) return sin((n + 1.0) * a) / sin(a);
  const VecD m = (n + 0.5) * a;
  return family == kChebyshevV ? cos(m) / cos(half) : sin(m) / sin(half);
}
// y, and where n > most what takes no steps.
[[gnu::noinline]] inline VecD of_large(Polynomial family, double most, VecD x, VecD n, VecD y) {
  Mask<double> large = n > most;
  if (family <= Polynomial::kChebyshevW) {
    y = select(large, chebyshev_by_angle(family, x, n), y);
    large = large & (abs(x) >= 1.0);
  }
  if (!any(large)) return y;
  const auto f = [=](double v, double degree) { return polynomial_of_large(family, v, degree); };
  return select(large, lanes(x, n, f), y);
}

// f of 0 and more below kN, without a loop.
template <int kN, class F>
inline void of_each(const F& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) {
    (f(i), ...);
  }(std::make_integer_sequence<int, kN>());
}
template <int kN>
struct Registers {
  VecD v[kN];
};

// Of the degree that is each lane's: 0 below 0. All take the steps of the largest. Chebyshev's have
// angles from 33 on, where these cost less than steps; Legendre's and Laguerre's no steps from
// where what these have lost is more than asymptotic forms leave out. Hermite's are NaN long
// before.
template <Polynomial kFamily, int kN>
inline Registers<kN> polynomials(const Registers<kN>& x, const Registers<kN>& degree) {
  constexpr bool kAngles = kFamily <= Polynomial::kChebyshevW;
  constexpr bool kAnyLarge = kAngles || kFamily >= Polynomial::kLaguerre;
  constexpr double kMost = kAngles ? 32 : kFamily == Polynomial::kLegendre ? 1e5 : 1e6;
  Registers<kN> y;
  VecD p[kN], q[kN], n[kN], most(0.0);
  of_each<kN>([&](int i) {
    n[i] = select(degree.v[i] > -1.0, trunc(degree.v[i]), 0.0);
    y.v[i] = select(degree.v[i] > -1.0, 1.0, VecD(0.0));
    p[i] = VecD(0.0);
    q[i] = VecD(1.0);
    most = max(most, select(n[i] > kMost, VecD(kAnyLarge ? 0.0 : kMost), n[i]));
  });
  const int steps = static_cast<int>(Eigen::internal::predux_max(most.p));
  for (int k = 0; k < steps; ++k) {
    const double step = k;
    const Recurrence r = recurrence<kFamily>(step);
    bool done = k % 64 == 63;  // where all are NaN
    of_each<kN>([&](int i) {
      const VecD next = fma(fma(VecD(r.slope), x.v[i], VecD(r.shift)), q[i], -r.back * p[i]);
      const Mask<double> here = n[i] > step;
      p[i] = q[i];
      q[i] = next;
      y.v[i] = select(here, next, y.v[i]);
      if (done) [[unlikely]]
        done = !any(here & (next == next));
    });
    if (done) break;
  }
  if constexpr (kAnyLarge)
    of_each<kN>([&](int i) {
      if (any(n[i] > kMost)) [[unlikely]]
        y.v[i] = of_large(kFamily, kMost, x.v[i], n[i], y.v[i]);
    });
  return y;
}

// Of x, or 2 x - 1. Not inline: a kernel has three places for it.
template <Polynomial kFamily>
[[gnu::noinline]] VecD polynomial_of(VecD x, VecD n, bool shifted) {
  return polynomials<kFamily, 1>({{shifted ? x + x - 1.0 : x}}, {{n}}).v[0];
}
template <Polynomial kFamily>
[[gnu::noinline]] Vec<float> polynomial_of(Vec<float> x, Vec<float> n, bool shifted) {
  detail::Doubles d = detail::to_doubles(x);
  const auto m = detail::to_doubles(n);
  if (shifted) d = {d.low + d.low - 1.0, d.high + d.high - 1.0};
  const auto y = polynomials<kFamily, 2>({{d.low, d.high}}, {{m.low, m.high}});
  return detail::to_floats({y.v[0], y.v[1]});
}
template <Polynomial kFamily, bool kShifted>
struct PolynomialOf {
  auto operator()(auto x, auto n) const { return polynomial_of<kFamily>(x, n, kShifted); }
};

}  // namespace wengert::special
