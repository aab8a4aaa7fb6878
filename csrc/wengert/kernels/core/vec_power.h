// Functions of two numbers: powers, remainders, lengths. Included by vec.h.
#pragma once

#include <cmath>

#include "wengert/kernels/core/vec_log.h"
#include "wengert/kernels/core/vec_trig.h"

namespace wengert {
namespace detail {

// a^y for a >= 0 but for a or y that is 1, 0 or NaN; of what a float's digits need.
inline VecD short_power(VecD a, VecD y) {
  const auto [m, e] = split(a);
  const VecD f = m - 1.0;
  const VecD l = fma(f + log_rest<float>(f), VecD(M_LOG2E), e);
  const VecD t = bounded(y * select(a > 0.0, select(a < INFINITY, l, a), -INFINITY), -200, 200);
  const VecD whole = t + (0x1.8p52 + 1023), k = whole - (0x1.8p52 + 1023);
  return exp_of<false>(whole, k, (t - k) * M_LN2, ExpConstants<float>::kDoubleQ).value();
}

// A sum of two numbers of which the second is below the first's last place.
struct Long {
  VecD high, low;
};
inline Long sum(VecD large, VecD small) {
  const VecD s = large + small;
  return {s, small - (s - large)};
}
inline Long product(Long a, Long b) {
  const VecD p = a.high * b.high;
  return sum(p, lost_of_product(a.high, b.high, p) + fma(a.high, b.low, a.low * b.high));
}
// log a, in as many digits as an exponent of 700 leaves 53 of. By s = f / (2 + f):
// log(1 + f) = 2s + s^3 (2/3 + s^2 Q(s^2)).
inline Long long_log(VecD a) {
  constexpr double kQ[] = {0.39999999999999997, 0.2857142857143293,  0.22222222220347623,
                           0.1818181854720814,  0.15384577361097215, 0.1333558789538098,
                           0.11688490500894713, 0.11884001080753334};
  constexpr double kTwoThirds = 0x1.5555555555555p-1, kRest = 0x1.5555555555555p-55;
  using E = ExpConstants<double>;
  const auto [m, e] = split(a);
  const VecD f = m - 1.0, d = 2.0 + f, high = f / d;
  const VecD lost = residue(f, high, d) - high * ((2.0 - d) + f);
  const Long s{high, lost * (0.5 - 0.5 * high)};  // 1 / (2 + f) = (1 - s) / 2
  const Long z = product(s, s);
  const VecD more = z.high * polynomial(kQ, z.high, z.high * z.high);
  const Long c = sum(VecD(kTwoThirds), more + kRest), cube = product(product(s, z), c);
  const Long near = sum(s.high + s.high, cube.high), all = sum(e * E::kLn2High, near.high);
  const VecD low = near.low + (cube.low + (s.low + s.low));
  return sum(all.high, all.low + fma(e, VecD(E::kLn2Low), low));
}
inline VecD long_power(VecD a, VecD y) {
  const Long l = long_log(a);
  const VecD high = select(a > 0.0, select(a < INFINITY, l.high, a), -INFINITY);
  const VecD t = y * high;
  const VecD rest = lost_of_product(y, high, t) + y * l.low;
  const auto e = exp_parts(bounded(t, -709, 710), select(abs(t) < 710.0, rest, 0.0));
  return e.value() * last_factor(e);
}

// x - trunc(x / y) y for x, y >= 0, exactly, where x / y < 2^20; beyond, by 28 digits of the
// quotient at a time. NaN where y = 0 or x is infinite.
[[gnu::noinline]] inline VecD far_remainder(VecD x, VecD y) {
  for (;;) {
    const Mask<double> far = (x >= 0x1p20 * y) & (y > 0.0) & (x < INFINITY);
    if (!any(far)) return x;
    const VecD q = trunc(from_bits(bits_of(x / y) & ~uint64_t{0x1ffffff}));
    x = select(far, x - q * y, x);
  }
}
inline VecF remainder_of(VecF x, VecF y) {
  const auto f = [](VecD a, VecD b) {
    if (any(a >= 0x1p20 * b)) [[unlikely]]
      a = far_remainder(a, b);
    VecD r = a - trunc(short_quotient(a, b)) * b;
    r = select(r < 0.0, r + b, r);
    return select(r >= b, r - b, r);
  };
  return select(x < y, x, by_doubles(f, x, y));
}
inline VecD remainder_of(VecD x, VecD y) {
#if defined(EIGEN_VECTORIZE_FMA)
  constexpr double kFew = 0x1p52;
#else
  constexpr double kFew = 0x1p25;  // products of so few digits are exact
#endif
  // A quotient that is rounded up to a whole number is 1 too large.
  VecD r = residue(x, trunc(x / y), y);
  r = select(x < y, x, select(r < 0.0, r + y, r));
  const Mask<double> far = (x >= kFew * y) & (y > 0.0) & (x < INFINITY);
  if (any(far)) [[unlikely]]
    return rare_lanes<double>(far, x, y, r, std::fmod);
  return r;
}

// A power of 2 by which numbers, of which m is the largest, come so far from the ends of the range
// that their squares are in it; and its inverse.
template <class T>
struct Moderation {
  Vec<T> factor, inverse;
};
template <class T>
inline Moderation<T> moderation_of(Vec<T> m) {
  constexpr bool kFloat = std::is_same_v<T, float>;
  constexpr double kDown = kFloat ? 0x1p-70 : 0x1p-600, kUp = kFloat ? 0x1p90 : 0x1p800;
  const Mask<T> large = m > (kFloat ? 0x1p60 : 0x1p500), small = m < (kFloat ? 0x1p-40 : 0x1p-400);
  return {select(large, kDown, select(small, kUp, Vec<T>(1.0))),
          select(large, 1 / kDown, select(small, 1 / kUp, Vec<T>(1.0)))};
}

}  // namespace detail

// As C's pow, with what it says of zeros, ones, infinities and NaN.
template <class T>
inline Vec<T> pow(Vec<T> x, Vec<T> y) {
  using namespace detail;
  using V = Vec<T>;
  const V a = abs(x);
  V r;
  if constexpr (std::is_same_v<T, float>) {
    r = by_doubles([](VecD a, VecD y) { return short_power(a, y); }, a, y);
  } else {
    r = long_power(a, y);
  }
  r = select(a == 1.0, 1.0, r);
  const V half = 0.5 * y;
  const Mask<T> whole = trunc(y) == y, even = trunc(half) == half;
  // clang compares bits, in which a denormal is below zero.
  const Mask<T> undefined = (flushed(x) < 0.0) & (a < INFINITY);
  r = select(whole, select(even, r, with_sign(r, x)), select(undefined, NAN, r));
  r = select((x == x) & (y == y), r, NAN);
  return select((y == 0.0) | (x == 1.0), 1.0, r);
}

// Exactly x - trunc(x / y) y, with the sign of x.
template <class T>
inline Vec<T> fmod(Vec<T> x, Vec<T> y) {
  return detail::with_sign(detail::remainder_of(abs(x), abs(y)), x);
}
// The same with the sign of y: one y away where they differ.
template <class T>
inline Vec<T> floor_remainder(Vec<T> x, Vec<T> y) {
  const Vec<T> r = fmod(x, y);
  return select(((r < 0.0) & (y > 0.0)) | ((r > 0.0) & (y < 0.0)), r + y, r);
}
// Floor of the exact quotient, which floor(x / y) is not when x / y rounds up to an integer.
template <class T>
inline Vec<T> floor_quotient(Vec<T> x, Vec<T> y) {
  using V = Vec<T>;
  const V r = fmod(x, y), exact = (x - r) / y;
  const V q = select(((r < 0.0) & (y > 0.0)) | ((r > 0.0) & (y < 0.0)), exact - 1.0, exact);
  const V f = floor(q), nearest = select(q - f > 0.5, f + 1.0, f), direct = x / y;
  const V zero = detail::with_sign(V(0.0), direct);
  return select(y == 0.0, direct, select(q == 0.0, zero, nearest));
}

// Without overflow; infinite if one of them is, whatever the other.
template <class T>
inline Vec<T> hypot(Vec<T> x, Vec<T> y) {
  using namespace detail;
  const Vec<T> a = abs(x), b = abs(y);
  const auto [factor, inverse] = moderation_of(max(a, b));
  const Vec<T> s = a * factor, t = b * factor, length = sqrt(fma(s, s, t * t)) * inverse;
  return select((a == INFINITY) | (b == INFINITY), INFINITY, length);
}

}  // namespace wengert
