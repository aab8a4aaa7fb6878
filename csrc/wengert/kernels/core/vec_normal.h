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
// Mills' ratio. Both are functions of t >= 0, which is cut where the exponential is 0 in float32.
//
// P and Q are in float64: seven float32 roundings would be more than 2 units. So is what f adds to
// M, f(M, t); the exponential is in float32, with what rounding loses of t^2 / 2.
template <class F>
inline VecF with_normal_tail(VecF x, const F& f) {
  constexpr double kP[] = {0.5000000024852046, 0.4356867348614492, 0.18130703606985432,
                           0.039984256528802345, 0.004020200434764207};
  constexpr double kQ[] = {1.0,
                           1.6692583887211916,
                           1.194485432556121,
                           0.46438105705433674,
                           0.10023304889375101,
                           0.01007700487001841};
  const VecF t = at_most(abs(x), 13.28), half = -0.5 * t, h = half * t;
  const auto e = exp_parts<false>(h, lost_of_product(half, t, h));
  const Doubles d = to_doubles(t);
  const Doubles tail = f(short_quotient(polynomial(kP, d), polynomial(kQ, d)), d);
#if defined(EIGEN_VECTORIZE_FMA)
  const VecF m = to_floats(tail);
  return e.scale * wengert::fma(m, e.part, m);
#else
  return e.scale * to_floats(fma(tail, to_doubles(e.part), tail));  // as few roundings
#endif
}
}  // namespace detail

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
