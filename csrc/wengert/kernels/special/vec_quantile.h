// The inverse of the error function and the normal distribution's quantile on registers.
#pragma once

#include <numbers>

#include "wengert/kernels/core/vec.h"

namespace wengert::special {

// x / y for erf(x) = y and w = -log(1 - y^2): a polynomial of w up to 6.25, in the digits of T;
// beyond x is r times one of 1 / r, r = sqrt(w), up to 9.5 or, within 5e-8, 26.6. M. Giles,
// "Approximating the erfinv function", 2011, has the idea.
template <class T>
struct ErfInverse;
template <>
struct ErfInverse<float> {
  static constexpr double kNear[] = {
      0.767427644979222,      -0.016933320149603324, -0.04198975502565928,  0.019385309243057137,
      -0.0015714291580144852, -0.002566789740222206, 0.0012728271659724056, -3.459611090111849e-05,
      -0.0001886530470187701, 5.7981143185658947e-05};
  static constexpr double kFar[] = {
      0.9594509155340082,      -0.029173236036965363,   0.001835109356003321,
      0.0017487419332287428,   -0.00040848988198442733, 5.892110345838253e-05,
      -3.5216258409511796e-05, -5.957772063222031e-06,  -5.171865775180689e-07,
      6.78068495539596e-06,    -4.222934403000348e-07,  -8.061968438304865e-07};
  static constexpr double kLeast = 0.105;  // of 1 / r
  static constexpr double kLog[] = {1.0000000000182154,   -0.4999998829414195, 0.3333332402363867,
                                    -0.25001585123044745, 0.20002071674816535, -0.16609126504958313,
                                    0.14180078718155714,  -0.1324084269282161, 0.12914170327299287,
                                    -0.07638592456873342};
};
template <>
struct ErfInverse<double> {
  static constexpr double kNear[] = {
      0.7674276372303447,     -0.016933317150381495,  -0.0419892499534054,
      0.019384802499984987,   -0.0015764406812557778, -0.002560873696922445,
      0.0012891814203615348,  -5.669584251478071e-05, -0.00020769774733780052,
      9.08088462901396e-05,   2.5580972288727377e-06, -1.7585558636908683e-05,
      6.329859602919841e-06,  7.995460371536026e-07,  -1.4871179002740768e-06,
      4.289143208521604e-07,  1.1662875465167916e-07, -1.280642065207166e-07,
      2.298731264427647e-08,  1.7045583801853115e-08, -8.003942092437122e-09,
      -9.104413566329188e-10, 8.301395420520818e-10};
  static constexpr double kFar[] = {
      0.9662001287602537,      -0.03651775440636303,   0.0007509114886342411,
      0.004011942771544576,    -0.0011328231051402993, 0.0002785310766003897,
      -0.00016000575314540692, 7.072133334392863e-05,  8.418545389631343e-06,
      -2.9296122209187772e-05, -4.126594503047324e-05, 3.6325884877710116e-05};
  static constexpr double kLeast = 0.0375;
};
template <class T, size_t kN>
struct Coefficients {
  T c[kN];
};
// In T, and times sqrt(2) for the quantile of a normal variable, of which erf is not the
// distribution but that of x / sqrt(2).
template <class T, bool kNormal, size_t kN>
constexpr Coefficients<T, kN> coefficients(const double (&c)[kN]) {
  Coefficients<T, kN> y{};
  for (size_t i = 0; i < kN; ++i) y.c[i] = static_cast<T>(kNormal ? c[i] * M_SQRT2 : c[i]);
  return y;
}
// log x, of a float no more digits than are asked for here: it is what takes the time.
inline Vec<float> short_log(Vec<float> x) {
  static constexpr auto kLog = coefficients<float, false>(ErfInverse<float>::kLog);
  const auto [m, e] = detail::split(x);
  const Vec<float> f = m - 1.0;
  return fma(e, Vec<float>(M_LN2), f * detail::polynomial(kLog.c, f, f * f));
}
inline Vec<double> short_log(Vec<double> x) {
  const auto [m, e] = detail::split(x);
  const Vec<double> f = m - 1.0;
  return detail::log_of(f, e, detail::log_rest(f));
}
template <class T, bool kNormal>
[[gnu::noinline]] Vec<T> far_erf_inverse(Vec<T> y, Vec<T> w) {
  using C = ErfInverse<T>;
  using V = Vec<T>;
  static constexpr auto kFar = coefficients<T, kNormal>(C::kFar);
  constexpr double kWide = 0.4 - C::kLeast, kMiddle = 0.4 + C::kLeast;
  const V r = sqrt(w), t = fma(1.0 / r, V(2 / kWide), V(-kMiddle / kWide));
  return detail::turned_by(r * detail::polynomial(kFar.c, t, t * t), y);
}
// One step from there by the inverse's series of order 4, in u = (erf(x) - y) / (2 erf'(x)), whose
// difference is scaled: of the smallest tails it would be no normal number.
[[gnu::noinline]] inline Vec<double> better_erf_inverse(Vec<double> y, Vec<double> tail,
                                                        Vec<double> near) {
  using V = Vec<double>;
  const V x = abs(near), xx = x * x;
  constexpr double kUp = 0x1p200;
  const V u = (tail * kUp - erfc(x) * kUp) * (exp(xx) * (0.5 / std::numbers::inv_sqrtpi / kUp));
  const V more = (4.0 * xx + 1.0) * (1.0 / 3) - u * (x * (2.0 * xx + 7.0 / 6));
  return detail::turned_by(x - u * (1.0 - u * (x - u * more)), y);
}

// The x with erf(x) = y, or for kNormal erf(x / sqrt(2)) = y. `rest` is 1 - y^2 and tail() is 1 -
// |y|, neither with what y has lost.
template <bool kNormal = false, class T, class F>
inline Vec<T> erf_inverse(Vec<T> y, Vec<T> rest, const F& tail) {
  using V = Vec<T>;
  static constexpr auto kNear = coefficients<T, kNormal>(ErfInverse<T>::kNear);
  const V minus_w = short_log(rest), t = fma(minus_w, V(-0.32), V(-1.0));
  // At 0 it is sqrt(pi) / 2, which is added last.
  constexpr double kLeast = (kNormal ? M_SQRT2 : 1) * (0.5 / std::numbers::inv_sqrtpi);
  V x = y * fma(-0.32 * minus_w, detail::polynomial(kNear.c, t, t * t), V(kLeast));
  const Mask<T> far = minus_w < -6.25;
  if (any(far)) {
    if constexpr (std::is_same_v<T, float>) {
      x = select(far, far_erf_inverse<T, kNormal>(y, -minus_w), x);
    } else {
      const V beyond = better_erf_inverse(y, tail(), far_erf_inverse<T, false>(y, -minus_w));
      x = select(far, kNormal ? M_SQRT2 * beyond : beyond, x);
    }
  }
  if (any((rest <= 0.0) | (rest != rest))) [[unlikely]]
    x = select(rest > 0.0, x, select(rest == 0.0, y * INFINITY, NAN));
  return x;
}
template <class T>
inline Vec<T> erf_inverse(Vec<T> y) {
  return erf_inverse(y, detail::residue(Vec<T>(1.0), y, y), [y] { return 1.0 - abs(y); });
}
// The x with P(X < x) = p of a normal X.
template <class T>
inline Vec<T> normal_quantile(Vec<T> p) {
  const Vec<T> twice = p + p, half_rest = detail::residue(twice, twice, p);
  return erf_inverse<true>(twice - 1.0, half_rest + half_rest,
                           [=] { return min(twice, 2.0 - twice); });
}

}  // namespace wengert::special
