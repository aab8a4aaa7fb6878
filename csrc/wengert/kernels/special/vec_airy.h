// Airy's function on registers of doubles, in three ranges, as the Bessel functions have them.
#pragma once

#include "wengert/kernels/special/vec_bessel.h"

namespace wengert::special {

// From -4 to 1 Ai = M(t), t = (x + 1.5) / 2.5. Beyond, with z = 2 / 3 |x|^(3/2), Abramowitz and
// Stegun 10.4.59: Ai = e^-z x^(-1/4) F(t), t = 10 / 3 / (z + 1) - 1; and 10.4.60, with P and Q of
// 128 / |x|^3 - 1: Ai = (P cos a + Q / |x|^(3/2) sin a) |x|^(-1/4) / sqrt(pi), a = z - pi / 4.
struct AiryAi {
  static constexpr double kMiddle[] = {
      0.4642565777488694,      0.7729674180060228,     -2.176202708197838,
      0.0012399139203178335,   2.706626357975683,      -1.700739575442918,
      -0.8451749483855883,     1.3865588183847546,     -0.3330453698707094,
      -0.3639562171269762,     0.27541424152053495,    -0.01628857375946417,
      -0.0626426018372746,     0.02856439786226889,    0.0018283588406157129,
      -0.005935988440677499,   0.0017882894908614385,  0.0003094112187823171,
      -0.0003579646326037445,  7.349632451753989e-05,  2.1628884898073792e-05,
      -1.5203358407901747e-05, 1.9941087744981985e-06, 1.0943049903333796e-06,
      -4.4047618500445154e-07, -1.726212482776486e-08, 2.6511758155825586e-08};
  static constexpr double kFar[] = {
      0.2750884686879625,      -0.008528099154224806,   -0.0020313646468684927,
      -0.0006707823342880735,  -0.00021991937569093806, -7.921477958840283e-05,
      -2.8304575185546035e-05, -1.0663651285047563e-05, -3.969532024045551e-06,
      -1.5385103071472008e-06, -5.86051956275093e-07,   -2.3243024255418044e-07,
      -8.971612835118422e-08,  -3.525578506904011e-08,  -1.3697453964191895e-08,
      -6.768013821382037e-09,  -2.5634270896177013e-09, -2.0400814908238335e-10,
      -1.2907732480265785e-10, -4.2462588312542585e-10, -1.3864136545964693e-10};
  static constexpr double kP[] = {
      0.999363720981151,      -0.0006209941418029509, 1.4258707708712596e-05,
      -9.054529343529272e-07, 1.0042133413279621e-07, -1.592554071932652e-08,
      3.2421547499816154e-09, -7.918785052218595e-10, 2.2200113745458288e-10,
      -7.437152100035875e-11, 2.7885560692196704e-11, -4.815566917127725e-12,
      3.2906265200078176e-13, -3.902197971357355e-12, 2.189764288274916e-12};
  static constexpr double kQ[] = {
      0.10321286126498111,    -0.000910697527341453,  3.901669067396953e-05,
      -3.487050691662995e-06, 4.844598798545154e-07,  -9.045674347316193e-08,
      2.0883984476947142e-08, -5.63374896299221e-09,  1.710657075562815e-09,
      -6.314157619644363e-10, 2.586703583300487e-10,  -3.425480562077164e-11,
      -5.179148320942389e-12, -4.323671397168105e-11, 2.5565255080073913e-11};
};

// z = 2 / 3 a^(3/2) as the sum of two numbers: it is an exponent or an angle, of which the digits
// before the point are lost.
template <class D>
struct AiryPower {
  D root, high, low;
};
template <class D, class Lost>
inline AiryPower<D> airy_power(D a, D root, const Lost& lost) {
  constexpr double kHigh = 2.0 / 3, kLow = 0x1p-54 / 1.5;  // 2 / 3 is their sum
  const D more = -lost(root, root, a) / (root + root), p = a * root, high = p * kHigh;
  const D low = lost(a, root, p) + a * more;
  return {root, high, lost(p, D(kHigh), high) + (p * kLow + low * kHigh)};
}
// Of x < -10000, where the angle is too far for turn_of, and beyond the doubles nothing is known of
// it; and of x > 104, where Ai is smaller than any normal number.
inline double airy_ai_of_far(double x) {
  if (x > 0) return 0;
  const double a = -x;
  const auto z =
      airy_power(a, std::sqrt(a), [](double v, double w, double p) { return std::fma(v, w, -p); });
  if (!(z.high < kInfinity)) return 0;
  const double s = std::sin(z.high), c = std::cos(z.high), t = std::sin(z.low), u = std::cos(z.low);
  const double sine = s * u + c * t, cosine = c * u - s * t, q = 5.0 / 72 / z.high;
  const double p = 1 - 7.7 * q * q;
  return (p * (cosine + sine) + q * (sine - cosine)) *
         std::sqrt(0.5 * std::numbers::inv_pi / z.root);
}
// Ai(x).
[[gnu::noinline]] inline VecD airy_ai_on(VecD x) {
  using C = AiryAi;
  const VecD a = abs(x);
  const auto power = [&] { return airy_power(a, sqrt(a), detail::lost_of_product<double>); };
  const auto middle = [&] {
    const VecD t = (x + 1.5) * 0.4;
    return detail::polynomial(C::kMiddle, t, t * t);
  };
  const auto falling = [&] {
    const auto z = power();
    const VecD t = (10.0 / 3) / (z.high + 1.0) - 1.0, e = exp_nonpositive(-z.high);
    return detail::polynomial(C::kFar, t, t * t) / sqrt(z.root) * fma(e, -z.low, e);
  };
  const auto waves = [&] {
    const auto z = power();
    const VecD r = 1.0 / a, q = 1.0 / (a * z.root);
    const VecD t = fma(128.0 * r, r * r, VecD(-1.0)), s = t * t;
    const auto turn = detail::turn_of<double>(z.high);
    // sqrt(2) times the cosine and the sine of the angle.
    const VecD u = turn.sine(0), v = turn.sine(1);
    const VecD sine = fma(v, z.low, u), cosine = fma(u, -z.low, v);
    const VecD p = detail::polynomial(C::kP, t, s) * (cosine + sine);
    return fma(detail::polynomial(C::kQ, t, s) * q, sine - cosine, p) *
           sqrt((0.5 * std::numbers::inv_pi) / z.root);
  };
  const VecD y = by_range(-x, 4, [&] { return by_range(x, 1, middle, falling); }, waves);
  const Mask<double> far = (a > 1e4) | (x > 104.0);
  if (any(far)) [[unlikely]]
    return detail::rare_lanes<double>(far, x, y, airy_ai_of_far);
  return y;
}
struct AiryAiOf {
  auto operator()(auto x) const { return in_doubles(airy_ai_on, x); }
};

}  // namespace wengert::special
