// Logarithms and the inverse hyperbolic functions. Included by vec.h.
#pragma once

#include <limits>

#include "wengert/kernels/core/vec_exp.h"

namespace wengert {
namespace detail {

// x = m 2^e with m in [sqrt(1/2), sqrt(2)).
template <class T>
struct Split {
  Vec<T> m, e;
};
inline Split<float> split(VecF x) {
  using namespace Eigen::internal;
  constexpr int kSqrtHalf = 0x3f3504f3;
  const PacketI e = parithmetic_shift_right<23>(psub<PacketI>(bits_of(x), repeat_int(kSqrtHalf)));
  return {from_bits(psub<PacketI>(bits_of(x), plogical_shift_left<23>(e))),
          VecF(pcast<PacketI, VecF::Packet>(e))};
}
// The bits of a number between 2^52 and 2^53 are a whole one's.
inline Split<double> split(VecD x) {
  constexpr uint64_t kSqrtHalf = 0x3fe6a09e667f3bcd, kOne = 0x3ff0000000000000;
  const BitsD b = bits_of(x) + (kOne - kSqrtHalf);
  const VecD e = from_bits(b >> 52 | 0x4330000000000000) - (0x1p52 + 1023);
  return {from_bits((b & 0xfffffffffffff) + kSqrtHalf), e};
}

// What a logarithm's base makes of f and e, in the digits of T: parts of few bits, and the rests.
template <class T>
struct LogConstants;
template <>
struct LogConstants<float> {
  static constexpr double kP[] = {0.6666666575420286, 0.4000033985210901, 0.28535986655206047,
                                  0.236187252251587};
  static constexpr double kLog2e = 0x1.715476p+0, kLog2eRest = 0x1.4ae0bf85ddf44p-26;
  static constexpr double kLog10e = 0x1.bcb7bp-2, kLog10eRest = 0x1.526e50e32a6abp-26;
  static constexpr double kLog10Of2 = 0x1.344p-2, kLog10Of2Rest = 0x1.3509f79fef312p-18;
};
template <>
struct LogConstants<double> {
  static constexpr double kP[] = {0.666666666666671,   0.3999999999951718, 0.28571428730011333,
                                  0.22222199005393076, 0.1818357643089106, 0.15313030178560308,
                                  0.14811936241135093};
  static constexpr double kLog2e = 0x1.71547652b82fep+0, kLog2eRest = 0x1.777d0ffda0d24p-56;
  static constexpr double kLog10e = 0x1.bcb7b1526e50ep-2, kLog10eRest = 0x1.95355baaafad3p-57;
  static constexpr double kLog10Of2 = 0x1.34413508p-2, kLog10Of2Rest = 0x1.f79fef311f12bp-34;
};

// log(1 + f) - f for sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
inline VecF log_rest(VecF f) {
  constexpr float kP[] = {3.333331048e-1f,  -2.499998659e-1f, 2.000224292e-1f,
                          -1.666926742e-1f, 1.421831995e-1f,  -1.238384843e-1f,
                          1.187516376e-1f,  -1.179384440e-1f, 6.915107369e-2f};
  const VecF s = f * f;
  return fma(f * s, polynomial(kP, f), -0.5 * s);
}
// By s = f / (2 + f): log(1 + f) = 2 atanh s = f - h + s (h + s^2 P(s^2)), h = f^2 / 2. To the
// digits of Digits.
template <class Digits = double>
inline VecD log_rest(VecD f) {
  constexpr bool kShort = std::is_same_v<Digits, float>;
  const VecD s = kShort ? short_quotient<true>(f, 2.0 + f) : f / (2.0 + f), z = s * s;
  const VecD h = 0.5 * f * f;
  return fma(s, fma(z, polynomial(LogConstants<Digits>::kP, z, z * z), h), -h);
}
// log((1 + f) 2^e).
template <class T>
inline Vec<T> log_of(Vec<T> f, Vec<T> e, Vec<T> rest) {
  using E = ExpConstants<T>;
  return fma(e, Vec<T>(E::kLn2High), f + fma(e, Vec<T>(E::kLn2Low), rest));
}

// 2^-e as a factor of what is lost of a number; 0 where that does not count.
template <class T>
inline Vec<T> shrinking(Vec<T> e) {
  using E = ExpConstants<T>;
  return power_by(at_least((E::kWhole + E::kMost) - e, E::kWhole));
}

// log(1 + x) without its edges, of what a float's digits need.
inline VecD short_log1p(VecD x) {
  const auto [m, e] = split(1.0 + x);
  const VecD f = select(e == 0.0, x, m - 1.0);
  return log_of(f, e, log_rest<float>(f));
}

// y, or what the logarithm of x is where x is 0, negative, infinite or NaN.
template <class T>
inline Vec<T> log_edges(Vec<T> x, Vec<T> y) {
  constexpr double kTiny = std::numeric_limits<T>::min();
  y = select(x < kTiny, select(x < 0.0, Vec<T>(NAN), Vec<T>(-INFINITY)), y);
  return select(x < INFINITY, y, x);
}

}  // namespace detail

template <class T>
inline Vec<T> log(Vec<T> x) {
  using namespace detail;
  const auto [m, e] = split(x);
  const Vec<T> f = m - 1.0;
  return log_edges(x, log_of(f, e, log_rest(f)));
}
template <class T>
inline Vec<T> log2(Vec<T> x) {
  using namespace detail;
  using C = LogConstants<T>;
  using V = Vec<T>;
  const auto [m, e] = split(x);
  const V f = m - 1.0;
  const V small = fma(f, V(C::kLog2eRest), log_rest(f) * C::kLog2e);
  return log_edges(x, e + fma(f, V(C::kLog2e), small));
}
template <class T>
inline Vec<T> log10(Vec<T> x) {
  using namespace detail;
  using C = LogConstants<T>;
  using V = Vec<T>;
  const auto [m, e] = split(x);
  const V f = m - 1.0;
  const V small = fma(e, V(C::kLog10Of2Rest), fma(f, V(C::kLog10eRest), log_rest(f) * C::kLog10e));
  return log_edges(x, fma(e, V(C::kLog10Of2), fma(f, V(C::kLog10e), small)));
}

// log u for u = 1 + x, and for what the sum has lost.
template <class T>
inline Vec<T> log1p(Vec<T> x) {
  using namespace detail;
  const Vec<T> u = 1.0 + x;
  const auto [m, e] = split(u);
  const Vec<T> lost = select(x < 1.0, x - (u - 1.0), 1.0 - (u - x));
  const Vec<T> f = select(e == 0.0, x, fma(lost, shrinking(e), m - 1.0));
  return select(x == 0.0, x, log_edges(u, log_of(f, e, log_rest(f))));
}

// log(a + sqrt(a^2 + 1)) = log1p(a + a^2 / (1 + sqrt(a^2 + 1))) for a = |x|.
inline Vec<float> asinh(Vec<float> x) {
  using namespace detail;
  const auto f = [](VecD a) { return short_log1p(a + a * a / (1.0 + sqrt(a * a + 1.0))); };
  const VecF a = abs(x);
  return with_sign(select(a < INFINITY, by_doubles(f, a), a), x);
}
inline Vec<double> asinh(Vec<double> x) {
  using namespace detail;
  const VecD a = abs(x), s = a * a;
  const Mask<double> far = a > 0x1p500;  // log 2a
  const VecD y = log1p(select(far, a, a + s / (1.0 + sqrt(s + 1.0))));
  return with_sign(select(far, y + M_LN2, y), x);
}

// log(x + sqrt(x^2 - 1)) = log1p(t + sqrt(2t + t^2)) for t = x - 1.
inline Vec<float> acosh(Vec<float> x) {
  using namespace detail;
  const auto f = [](VecD v) {
    const VecD t = v - 1.0;
    return short_log1p(t + sqrt(fma(t, t, t + t)));
  };
  return select(x >= 1.0, select(x < INFINITY, by_doubles(f, x), x), NAN);
}
inline Vec<double> acosh(Vec<double> x) {
  using namespace detail;
  const VecD t = x - 1.0;
  const Mask<double> far = x > 0x1p500;
  const VecD y = log1p(select(far, x, t + sqrt(fma(t, t, t + t))));
  return select(x >= 1.0, select(far, y + M_LN2, y), NAN);
}

// log((1 + a) / (1 - a)) / 2 = log1p(2a / (1 - a)) / 2 for a = |x|.
inline Vec<float> atanh(Vec<float> x) {
  using namespace detail;
  const auto f = [](VecD a) { return 0.5 * short_log1p(short_quotient(a + a, 1.0 - a)); };
  const VecF a = abs(x), beyond = select(a == 1.0, INFINITY, VecF(NAN));
  return with_sign(select(a < 1.0, by_doubles(f, a), beyond), x);
}
inline Vec<double> atanh(Vec<double> x) {
  using namespace detail;
  const VecD a = abs(x), y = 0.5 * log1p((a + a) / (1.0 - a));
  return with_sign(select(a <= 1.0, y, NAN), x);
}

// log q for q = x / (1 - x), and for what the quotient and the difference have lost.
template <class T>
inline Vec<T> logit(Vec<T> x) {
  using namespace detail;
  const Vec<T> d = 1.0 - x, r = 1.0 / d, q = x * r;
  const Vec<T> lost = (residue(x, q, d) - q * ((1.0 - d) - x)) * r;
  const auto [m, e] = split(q);
  const Vec<T> f = fma(lost, shrinking(e), m - 1.0);
  const Vec<T> y = select(x < 1.0, log_edges(q, log_of(f, e, log_rest(f))), INFINITY);
  return select((x >= 0.0) & (x <= 1.0), y, NAN);
}

}  // namespace wengert
