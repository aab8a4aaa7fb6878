// The error function and the normal distribution. Included by vec.h.
#pragma once

#include "wengert/kernels/core/vec_exp.h"

namespace wengert {

// x + x P(x^2) up to 0.92; 1 - exp(-L(|x|)) beyond.
inline Vec<float> erf(Vec<float> x) {
  using namespace detail;
  constexpr float kP[] = {1.283791661e-1f, -3.761263490e-1f, 1.128369644e-1f, -2.685941383e-2f,
                          5.200989544e-3f, -8.141478174e-4f, 8.362298831e-5f};
  constexpr float kL[] = {-1.634944056e-4f, 1.129460454e+0f, 6.334584355e-1f,  1.081559882e-1f,
                          -2.503835037e-2f, 4.139985424e-3f, -4.279948480e-4f, 2.053148819e-5f};
  const VecF t = at_most(abs(x), 4);
  const VecF near = fma(x, polynomial(kP, x * x), x);
  const auto e = exp_parts<false>(-polynomial(kL, t));
  const VecF far = 1.0 - e.value();
  return select(t < 0.92, near, with_sign(far, x));
}

namespace detail {

// The normal distribution's probability above t is exp(-t^2 / 2) M(t), with M = P / Q known as
// Mills' ratio. Of t from 0 to where the exponential is 0 in float32, 13.28; in float64, as seven
// float32 roundings would be more than 2 units.
inline Doubles mills_ratio(Doubles t) {
  constexpr double kP[] = {0.5000000024852046, 0.4356867348614492, 0.18130703606985432,
                           0.039984256528802345, 0.004020200434764207};
  constexpr double kQ[] = {1.0,
                           1.6692583887211916,
                           1.194485432556121,
                           0.46438105705433674,
                           0.10023304889375101,
                           0.01007700487001841};
  return short_quotient(polynomial(kP, t), polynomial(kQ, t));
}

// exp(-t^2 / 2) f(M(t), t), t = |x|; the exponential is in float32, with what rounding loses of its
// argument. With kSquared exp(-x^2) and t = sqrt(2) |x|.
template <bool kSquared = false, class F>
inline VecF with_normal_tail(VecF x, const F& f) {
  const VecF t = at_most(abs(x), kSquared ? 9.39 : 13.28), factor = kSquared ? -t : -0.5 * t;
  const VecF h = factor * t;
  const auto e = exp_parts<false>(h, lost_of_product(factor, t, h));
  Doubles d = to_doubles(t);
  if constexpr (kSquared) d = d * Doubles::repeat(M_SQRT2);
  const Doubles tail = f(mills_ratio(d), d);
#if defined(EIGEN_VECTORIZE_FMA)
  const VecF m = to_floats(tail);
  return e.scale * wengert::fma(m, e.part, m);
#else
  return e.scale * to_floats(fma(tail, to_doubles(e.part), tail));  // as few roundings
#endif
}

// erfc a = exp(-a^2) H(q) / (a + 4) for a >= 0 and q = (a - 4) / (a + 4). After M. Shepherd,
// J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", 1981.
inline VecD erfc_tail(VecD a) {
  constexpr double kH[] = {
      1.095995661000491,       -0.9765487290808821,     0.7732087022652369,
      -0.5408538313132253,     0.3308515878780177,      -0.1740109372402817,
      0.07638151490927882,     -0.026370053334707787,   0.006112055655263999,
      -0.0002809589155925814,  -0.00045505267876302187, 0.00017681308851735315,
      -3.6351904990551307e-06, -1.8861803958446285e-05, 4.694432337136911e-06,
      1.4261662559325217e-06,  -8.461531111957924e-07,  -7.812327179130916e-08,
      1.240394621174728e-07,   2.7583668075450693e-09,  -1.5397997182203708e-08,
      -4.448228676508292e-10,  9.96680282534952e-10};
  const VecD t = at_most(a, 26.62), h = -(t * t), d = t + 4.0, r = 1.0 / d;
  const VecD lost = residue(VecD(1.0), r, d) - r * (t - (d - 4.0));  // 1 / (t + 4) = r (1 + lost)
  const VecD w = 8.0 * r, q = (1.0 - w) - w * lost;
  const auto e = exp_parts<false>(h, lost_of_product(-t, t, h));
  return e.scale * (fma(r, e.part + lost, r) * polynomial(kH, q, q * q));
}

// x + x (c + x^2 P(x^2)), c = 2 / sqrt(pi) - 1, up to 0.75.
inline VecD erf_near(VecD x) {
  constexpr double kP[] = {-0.37612638903183737,    0.11283791670953598,    -0.026866170644595275,
                           0.0052239776167514905,   -0.0008548326243247498, 0.0001205529058626649,
                           -1.4924195946494544e-05, 1.6430334858574976e-06, -1.5934590742798752e-07,
                           1.1444915715256761e-08};
  const VecD s = x * x;
  return fma(x, fma(s, polynomial(kP, s, s * s), VecD(0x1.06eba8214db69p-3)), x);
}
}  // namespace detail

inline Vec<double> erf(Vec<double> x) {
  using namespace detail;
  const VecD a = abs(x);
  return select(a < 0.75, erf_near(x), with_sign(1.0 - erfc_tail(a), x));
}
inline Vec<double> erfc(Vec<double> x) {
  using namespace detail;
  const VecD a = abs(x), tail = erfc_tail(a);
  return select(a < 0.5, 1.0 - erf_near(x), select(x < 0.0, 2.0 - tail, tail));
}
inline Vec<float> erfc(Vec<float> x) {
  const auto tail = detail::with_normal_tail<true>(
      x, [](auto mills, auto) { return mills * detail::Doubles::repeat(2.0); });
  return select(x < 0.0, 2.0 - tail, tail);
}

inline Vec<double> normal_cdf(Vec<double> x) { return 0.5 * erfc(x * -M_SQRT1_2); }
inline Vec<float> normal_cdf(Vec<float> x) {
  const auto tail = detail::with_normal_tail(x, [](auto mills, auto) { return mills; });
  return select(x < 0.0, tail, 1.0 - tail);
}
// max(x, 0) less what is missing, on either side, from it.
inline Vec<float> gelu(Vec<float> x) {
  return detail::at_least(x, 0) -
         detail::with_normal_tail(x, [](auto mills, auto t) { return mills * t; });
}
inline Vec<float> gelu_slope(Vec<float> x) {
  const auto below = detail::with_normal_tail(x, [](auto mills, auto t) {
    return fma(t, detail::Doubles::repeat(-kNormalDensity), mills);
  });
  return select(x < 0.0, below, 1.0 - below);
}

}  // namespace wengert
