// The functions of gamma.h on registers, where the argument is positive and ordinary; the rest lane
// by lane. Floats are computed as doubles: near a zero of a function float would keep few digits.
#pragma once

#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/special/gamma.h"

namespace wengert::special {

using VecD = Vec<double>;

// The sum of term(x + k)^-1 for k < 10 as one quotient, where x < 10, and x or x + 10.
struct Shifted {
  VecD sum, z;
};
template <class F>
inline Shifted shifted(VecD x, const F& term) {
  VecD over(1.0), under = term(x);
  for (int k = 1; k < 10; ++k) {
    const VecD t = term(x + static_cast<double>(k));
    over = over * t + under;
    under = under * t;
  }
  const auto near = x < 10.0;
  return {select(near, over / under, VecD(0.0)), select(near, x + 10.0, x)};
}

inline VecD digamma_on(VecD x) {
  const Shifted s = shifted(x, [](VecD v) { return v; });
  const VecD r = 1.0 / s.z, z = r * r;
  const VecD last = 1.0 / 132 - z * (691.0 / 32760 - z * (1.0 / 12));
  const VecD series = 1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * last)));
  return log(s.z) - 0.5 * r - z * series - s.sum;
}

// psi'(z) = 1 / z + 1 / (2 z^2) + sum_k B_2k / z^(2 k + 1), Abramowitz and Stegun 6.4.12.
inline VecD trigamma_on(VecD x) {
  const Shifted s = shifted(x, [](VecD v) { return v * v; });
  const VecD r = 1.0 / s.z, z = r * r;
  const VecD last = 5.0 / 66 - z * (691.0 / 2730 - z * (7.0 / 6));
  const VecD series = 1.0 / 6 - z * (1.0 / 30 - z * (1.0 / 42 - z * (1.0 / 30 - z * last)));
  return s.sum + r + z * (0.5 + r * series);
}

// Stirling's series from 10 on, below it less the logarithm of what Gamma grows by on the way
// there: 5e-15 from the true value near 1 and 2, where that is 0.
inline VecD log_gamma_on(VecD x) {
  VecD product = x;
  for (int k = 1; k < 10; ++k) product = product * (x + static_cast<double>(k));
  const auto near = x < 10.0;
  const VecD z = select(near, x + 10.0, x), r = 1.0 / z, s = r * r;
  const VecD last = 1.0 / 1680 - s * (1.0 / 1188 - s * (691.0 / 360360));
  const VecD series = r * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * last)));
  const VecD whole = (z - 0.5) * log(z) - z + (0.91893853320467274 + series);
  return whole - select(near, log(product), VecD(0.0));
}

// f on registers; where `odd` holds g of each number.
template <class T, class F, class G>
inline Vec<T> ordinary(Vec<T> x, Mask<T> odd, const F& f, const G&) {
  Vec<T> y;
  if constexpr (std::is_same_v<T, float>) {
    y = detail::by_doubles(f, x);
  } else {
    y = f(x);
  }
  if (any(odd)) [[unlikely]]
    y = detail::rare_lanes<T>(
        odd, x, y, +[](T v) { return static_cast<T>(G{}(static_cast<double>(v))); });
  return y;
}

inline Vec<float> log_gamma(Vec<float> x) {
  const auto odd = (x <= 0.0) | (x >= 3e38) | (x == 1.0) | (x == 2.0);
  return ordinary(x, odd, log_gamma_on, [](double v) { return log_gamma(v); });
}
// Near 1 and 2 no difference of logarithms keeps a double's digits.
inline VecD log_gamma(VecD x) {
  return lanes(x, [](double v) { return log_gamma(v); });
}
template <class T>
inline Vec<T> digamma(Vec<T> x) {
  return ordinary(x, x <= 0.0, digamma_on, [](double v) { return digamma(v); });
}
template <class T>
inline Vec<T> trigamma(Vec<T> x) {
  return ordinary(x, x < 1e-30, trigamma_on, [](double v) { return polygamma_of(1, v); });
}
}  // namespace wengert::special
