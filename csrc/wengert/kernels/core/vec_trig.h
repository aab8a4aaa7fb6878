// Sines, tangents and angles. Included by vec.h.
#pragma once

#include "wengert/kernels/core/vec_bits.h"

namespace wengert {
namespace detail {

// What a function of T takes its constants from: as many coefficients as its digits ask for.
template <class T>
struct TrigConstants;
template <>
struct TrigConstants<float> {
  static constexpr double kSin[] = {-0.16666654667086012, 0.008332100462664227,
                                    -0.0001950389619347339};
  static constexpr double kCos[] = {0.041666654644613374, -0.0013887653892761891,
                                    2.446377032890425e-05};
  static constexpr float kAsin[] = {0.16666731294224132f, 0.07495660071108597f,
                                    0.045466918920382855f, 0.024050371253484873f,
                                    0.042565761656590116f};
  static constexpr float kAtan[] = {-0.3333331858901115f, 0.19998527862419813f, -0.142428584858678f,
                                    0.10580598262170146f, -0.06030909796558129f};
  static constexpr double kHalfPi = 0x1.921fb6p+0, kHalfPiRest = -0x1.777a5cp-25;
};
template <>
struct TrigConstants<double> {
  static constexpr double kSin[] = {-0.1666666666666664,     0.008333333333323662,
                                    -0.00019841269830144396, 2.7557313651853277e-06,
                                    -2.5050734571083925e-08, 1.5894710582423263e-10};
  static constexpr double kCos[] = {0.04166666666666665,    -0.001388888888888284,
                                    2.4801587294628004e-05, -2.7557315738613277e-07,
                                    2.0875897738682843e-09, -1.1367981880469046e-11};
  static constexpr double kAsin[] = {
      0.16666666666666702,  0.07499999999984425,   0.04464285716374379,  0.030381943138356373,
      0.022372205133791824, 0.017351752625038293,  0.013979523139739882, 0.01140669830229254,
      0.010750760692931046, 0.0037700243474546157, 0.021656878689564413, -0.021060058041668085,
      0.03274148389621834};
  static constexpr double kAtan[] = {
      -0.3333333333333327,  0.19999999999969026, -0.14285714281348197, 0.11111110824512722,
      -0.09090898547465878, 0.076920685194016,   -0.06663144226692316, 0.05847852366957191,
      -0.05037894290370755, 0.03800211805539898, -0.017814206422237227};
  static constexpr double kHalfPi = 0x1.921fb54442d18p+0, kHalfPiRest = 0x1.1a62633145c07p-54;
};

// Of x = k pi / 2 + r: sine and cosine of r, |r| < pi / 4, and k in the last bits.
struct Turn {
  VecD sin, cos;
  BitsD k;

  // Of the angle `more` quarters ahead.
  VecD sine(int64_t more) const {
    const BitsD q = k + more;
    return turned_by(select(is_odd(q), cos, sin), from_bits(q << 62));
  }
};

// |x| <= 2^20. For T double r is two numbers, since it may be as small as a unit of x. Of pi / 2
// the first parts have 33 bits, so that their products with k are exact.
template <class T>
inline Turn turn_of(VecD x) {
  constexpr double kHigh = 0x1.921fb544p+0, kMiddle = 0x1.0b4611a6p-34,
                   kLow = 0x1.3198a2e037073p-69, kMagic = 0x1.8p52;
  using C = TrigConstants<T>;
  const VecD whole = fma(x, VecD(M_2_PI), VecD(kMagic)), k = whole - kMagic;
  const VecD t = fma(k, VecD(-kHigh), x);
  if constexpr (std::is_same_v<T, float>) {
    const VecD r = fma(k, VecD(-kMiddle), t), z = r * r;
    return {fma(r * z, polynomial(C::kSin, z), r),
            fma(z * z, polynomial(C::kCos, z), fma(z, VecD(-0.5), VecD(1.0))), bits_of(whole)};
  } else {
    const VecD w = k * kMiddle, r = t - w, rest = fma(k, VecD(-kLow), (t - r) - w);
    const VecD z = r * r, h = 0.5 * z, most = 1.0 - h, s = z * z;
    const VecD sin = r + fma(r * z, polynomial(C::kSin, z, s), rest * most);
    const VecD cos = most + (((1.0 - most) - h) + fma(s, polynomial(C::kCos, z, s), -(r * rest)));
    return {sin, cos, bits_of(whole)};
  }
}
// f(turn of x), of floats in two halves.
template <class F>
inline VecF with_turn(VecF x, const F& f) {
  return by_doubles([&](VecD v) { return f(turn_of<float>(v)); }, x);
}
template <class F>
inline VecD with_turn(VecD x, const F& f) {
  return f(turn_of<double>(x));
}
template <class T, class F>
inline Vec<T> trigonometric(Vec<T> x, T (*beyond)(T), const F& f) {
  const Vec<T> y = with_turn(x, f);
  const Mask<T> far = abs(x) > 0x1p20;
  if (any(far)) [[unlikely]]
    return rare_lanes(far, x, y, beyond);
  return y;
}

// asin(root) = root + more. For |x| > 1/2 the root is that of (1 - |x|) / 2, and the angle that
// asin |x| has is pi / 2 less twice this; else it is |x|.
template <class T>
struct Arc {
  Mask<T> far;
  Vec<T> root, more;
};
template <class T>
inline Arc<T> arc_of(Vec<T> x) {
  const Vec<T> a = abs(x);
  const Mask<T> far = a > 0.5;
  const Vec<T> z = select(far, 0.5 - 0.5 * a, a * a), root = select(far, sqrt(z), a);
  return {far, root, root * z * polynomial(TrigConstants<T>::kAsin, z, z * z)};
}

// atan(a / b) for a, b >= 0. A polynomial up to tan(pi / 8); beyond, of the tangent of what is left
// to pi / 4 or pi / 2.
template <class T>
inline Vec<T> atan_of(Vec<T> a, Vec<T> b) {
  using C = TrigConstants<T>;
  using V = Vec<T>;
  const Mask<T> middle = a > 0.41421356 * b, far = a > 2.41421356 * b;
  const V num = select(far, -b, select(middle, a - b, a));
  const V den = select(far, a, select(middle, a + b, b));
  const V base = select(far, C::kHalfPi, select(middle, 0.5 * C::kHalfPi, V(0.0)));
  const V rest = select(far, C::kHalfPiRest, select(middle, 0.5 * C::kHalfPiRest, V(0.0)));
  const V t = num / den, z = t * t;
  return base + (t + fma(t * z, polynomial(C::kAtan, z, z * z), rest));
}
}  // namespace detail

// Zeros keep their sign.
template <class T>
inline Vec<T> sin(Vec<T> x) {
  const auto y = detail::trigonometric<T>(x, std::sin, [](const auto& t) { return t.sine(0); });
  return select(x == 0.0, x, y);
}
template <class T>
inline Vec<T> cos(Vec<T> x) {
  return detail::trigonometric<T>(x, std::cos, [](const auto& t) { return t.sine(1); });
}
template <class T>
inline Vec<T> tan(Vec<T> x) {
  const auto y = detail::trigonometric<T>(x, std::tan, [](const auto& t) {
    using namespace detail;
    const Mask<double> odd = is_odd(t.k);
    const VecD p = select(odd, t.cos, t.sin), q = select(odd, t.sin, t.cos);
    return turned_by(std::is_same_v<T, float> ? short_quotient(p, q) : p / q, from_bits(t.k << 63));
  });
  return select(x == 0.0, x, y);
}

template <class T>
inline Vec<T> asin(Vec<T> x) {
  using C = detail::TrigConstants<T>;
  const auto [far, root, more] = detail::arc_of(x);
  // pi / 4 less twice the root is exact, or small.
  const Vec<T> left = 0.5 * C::kHalfPi - (root + root);
  const Vec<T> beyond = 0.5 * C::kHalfPi - (((more + more) - C::kHalfPiRest) - left);
  return detail::with_sign(select(far, beyond, root + more), x);
}
template <class T>
inline Vec<T> acos(Vec<T> x) {
  using C = detail::TrigConstants<T>;
  const auto [far, root, more] = detail::arc_of(x);
  const Vec<T> angle = root + more, twice = angle + angle;
  const Vec<T> near = C::kHalfPi - (detail::turned_by(angle, x) - C::kHalfPiRest);
  return select(far, select(x < 0.0, 2 * C::kHalfPi - (twice - 2 * C::kHalfPiRest), twice), near);
}
template <class T>
inline Vec<T> atan(Vec<T> x) {
  return detail::with_sign(detail::atan_of(abs(x), Vec<T>(1.0)), x);
}
// The angle of (x, y). Two zeros, or infinities, are as far from either axis as C has it.
template <class T>
inline Vec<T> atan2(Vec<T> y, Vec<T> x) {
  using namespace detail;
  using C = TrigConstants<T>;
  constexpr bool kFloat = std::is_same_v<T, float>;
  const Vec<T> a = abs(y), b = abs(x), most = max(a, b);
  // Neither does a + b overflow, nor is a - b too small for a normal number.
  const Vec<T> up =
      select(most < (kFloat ? 0x1p-40 : 0x1p-800), kFloat ? 0x1p60 : 0x1p200, Vec<T>(1.0));
  const Vec<T> scale =
      select(most > (kFloat ? 0x1p100 : 0x1p1000), kFloat ? 0x1p-30 : 0x1p-100, up);
  const Mask<T> infinite = (a == INFINITY) & (b == INFINITY), zero = (a == 0.0) & (b == 0.0);
  const Vec<T> angle =
      atan_of(select(infinite, 1.0, a * scale), select(infinite | zero, 1.0, b * scale));
  const Mask<T> left = with_sign(Vec<T>(1.0), x) < 0.0;
  const Vec<T> turned = 2 * C::kHalfPi - (angle - 2 * C::kHalfPiRest);
  return select((x == x) & (y == y), with_sign(select(left, turned, angle), y), NAN);
}

}  // namespace wengert
