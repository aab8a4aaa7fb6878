// Exponentials, logarithms and the error function of Vec<float>, with an error of at most 2 units
// in the last place (benchmarks/README.md lists what was measured). Included by vec.h.
//
// The polynomials are minimax fits in the variables given; the reductions are those of W. Cody,
// W. Waite, "Software Manual for the Elementary Functions", 1980.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>

namespace wengert {
namespace detail {

using VecF = Vec<float>;
using PacketI = Eigen::internal::unpacket_traits<VecF::Packet>::integer_packet;

inline PacketI bits_of(VecF x) { return Eigen::internal::preinterpret<PacketI>(x.p); }
inline VecF from_bits(PacketI i) { return Eigen::internal::preinterpret<VecF::Packet>(i); }
inline PacketI repeat_int(int v) { return Eigen::internal::pset1<PacketI>(v); }
// 2^k for whole k of -127 .. 127, where 2^-127 is 0.
inline VecF power_of_two(PacketI k) {
  return from_bits(
      Eigen::internal::plogical_shift_left<23>(Eigen::internal::padd<PacketI>(k, repeat_int(127))));
}

// c[0] + c[1] x + ...
template <class V, class T, size_t kN>
inline V polynomial(const T (&c)[kN], V x) {
  V y = V::repeat(c[kN - 1]);
  for (size_t i = kN - 1; i-- > 0;) y = fma(y, x, V::repeat(c[i]));
  return y;
}

// The same in half as many steps that wait for each other; s is x^2.
template <size_t kN>
inline VecF polynomial(const float (&c)[kN], VecF x, VecF s) {
  const auto pair = [&](size_t i) {
    return i + 1 < kN ? fma(x, VecF::repeat(c[i + 1]), VecF::repeat(c[i])) : VecF::repeat(c[i]);
  };
  VecF y = pair((kN - 1) / 2 * 2);
  for (size_t i = (kN - 1) / 2 * 2; i > 0; i -= 2) y = fma(y, s, pair(i - 2));
  return y;
}

constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;  // few bits, and the rest

// e^x = scale (1 + part) = 2^k (1 + part), |part| < 0.42: what is added to 1 keeps its own digits.
struct ExpParts {
  VecF scale, part, k;
  // Not scale + scale part: the product may be too small for a normal number.
  VecF value() const { return scale * (1.0 + part); }
};
// -88 <= x <= 89; the scale is at most 2^127. A `rest` is what x has lost by rounding.
//
// A sum with 1.5 2^23 is rounded to a whole number, whose bits are the last ones of the sum: k and,
// with 127 added too, the exponent of 2^k, without a conversion.
template <bool kLarge = true, class... Rest>
inline ExpParts exp_parts(VecF x, Rest... rest) {
  constexpr float kWhole = 0x1.8p23f + 127;
  constexpr float kQ[] = {4.999999343e-1f, 1.666652040e-1f, 4.166839077e-2f, 8.368745133e-3f,
                          1.381454125e-3f};
  const VecF whole = fma(x, VecF(M_LOG2E), VecF(kWhole)), k = whole - kWhole;
  const VecF r = fma(k, VecF(-kLn2Low), (fma(k, VecF(-kLn2High), x) + ... + rest)), s = r * r;
  const VecF most = kLarge ? VecF(Eigen::internal::pmin(whole.p, VecF(kWhole + 127).p)) : whole;
  return {from_bits(Eigen::internal::plogical_shift_left<23>(bits_of(most))),
          fma(s, polynomial(kQ, r, s), r), k};
}
// NaN stays NaN: of two operands the first is taken if they cannot be compared.
inline VecF at_least(VecF x, double low) { return Eigen::internal::pmax(x.p, VecF(low).p); }
inline VecF at_most(VecF x, double high) { return Eigen::internal::pmin(x.p, VecF(high).p); }
inline VecF bounded(VecF x, double low, double high) { return at_most(at_least(x, low), high); }
// y with the sign of x, which it may have before.
inline VecF with_sign(VecF y, VecF x) {
  return Eigen::internal::por(y.p, Eigen::internal::pand(x.p, VecF(-0.0).p));
}
// 2 where the scale was to be 2^128.
inline VecF last_factor(const ExpParts& e) { return select(e.k > 127.0, 2.0, VecF(1.0)); }

// log m 2^e for f = m - 1, sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
inline VecF log_parts(VecF f, VecF e) {
  constexpr float kP[] = {3.333331048e-1f,  -2.499998659e-1f, 2.000224292e-1f,
                          -1.666926742e-1f, 1.421831995e-1f,  -1.238384843e-1f,
                          1.187516376e-1f,  -1.179384440e-1f, 6.915107369e-2f};
  const VecF s = f * f;
  const VecF small = fma(e, VecF(kLn2Low), fma(f * s, polynomial(kP, f), -0.5 * s));
  return fma(e, VecF(kLn2High), f + small);
}
// The exponent e for which x 2^-e is in [sqrt(1/2), sqrt(2)).
inline PacketI log_exponent(VecF x) {
  constexpr int kSqrtHalf = 0x3f3504f3;
  return Eigen::internal::parithmetic_shift_right<23>(
      Eigen::internal::psub<PacketI>(bits_of(x), repeat_int(kSqrtHalf)));
}
inline VecF to_float(PacketI i) { return Eigen::internal::pcast<PacketI, VecF::Packet>(i); }
// y, or what the logarithm of x is where x is 0, negative, infinite or NaN.
inline VecF log_edges(VecF x, VecF y) {
  y = select(x < 1.1754944e-38, select(x < 0.0, VecF(NAN), VecF(-INFINITY)), y);
  return select(x < INFINITY, y, x);
}

}  // namespace detail

inline Vec<float> exp(Vec<float> x) {
  const auto e = detail::exp_parts(detail::bounded(x, -88, 89));
  return e.value() * detail::last_factor(e);
}

// Of x <= 0.
inline Vec<float> exp_nonpositive(Vec<float> x) {
  const auto e = detail::exp_parts<false>(detail::at_least(x, -88));
  return e.value();
}

inline Vec<float> expm1(Vec<float> x) {
  const auto e = detail::exp_parts(detail::bounded(x, -88, 89));
  return select(x == 0.0, x, fma(e.scale, e.part, e.scale - 1.0) * detail::last_factor(e));
}

// x + x^3 P(x^2) up to 0.55; 1 - 2 / (e^2|x| + 1) beyond, with the sign of x; 1 beyond 10.
inline Vec<float> tanh(Vec<float> x) {
  using namespace detail;
  constexpr float kP[] = {-3.333294664e-1f, 1.332072503e-1f, -5.267181225e-2f, 1.643757897e-2f};
  const VecF t = at_most(abs(x), 10), s = x * x;
  const VecF near = fma(x * s, polynomial(kP, s, s * s), x);
  const auto e = exp_parts<false>(t + t);
  const VecF far = 1.0 - 2.0 / fma(e.scale, e.part, 1.0 + e.scale);
  return with_sign(select(t < 0.55, near, far), x);
}

// 1 / (1 + e^-x). The scale and 1 are added first; what is lost of a 1 comes with the part.
inline Vec<float> sigmoid(Vec<float> x) {
  const auto e = detail::exp_parts<false>(detail::bounded(-x, -88, 88));
  const auto sum = 1.0 + e.scale, lost = 1.0 - (sum - e.scale);
  return 1.0 / (sum + fma(e.scale, e.part, lost));
}

inline Vec<float> log(Vec<float> x) {
  const auto e = detail::log_exponent(x);
  const auto m = detail::from_bits(Eigen::internal::psub<detail::PacketI>(
      detail::bits_of(x), Eigen::internal::plogical_shift_left<23>(e)));
  return detail::log_edges(x, detail::log_parts(m - 1.0, detail::to_float(e)));
}

// log u for u = 1 + x, and for what the sum has lost.
inline Vec<float> log1p(Vec<float> x) {
  using namespace detail;
  const VecF u = 1.0 + x;
  const PacketI e = log_exponent(u);
  const VecF m = from_bits(
      Eigen::internal::psub<PacketI>(bits_of(u), Eigen::internal::plogical_shift_left<23>(e)));
  const VecF lost = select(x < 1.0, x - (u - 1.0), 1.0 - (u - x));
  const VecF shrink = power_of_two(
      Eigen::internal::pmax<PacketI>(Eigen::internal::pnegate<PacketI>(e), repeat_int(-127)));
  const VecF n = to_float(e);
  const VecF y = log_parts(select(n == 0.0, x, fma(lost, shrink, m - 1.0)), n);
  return select(x == 0.0, x, log_edges(u, y));
}

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

// The numbers of a register of floats as doubles.
struct Doubles {
  using V = Vec<double>;
  V low, high;
  static Doubles repeat(double v) { return {V(v), V(v)}; }
};
inline Doubles operator*(Doubles a, Doubles b) { return {a.low * b.low, a.high * b.high}; }
inline Doubles fma(Doubles a, Doubles b, Doubles c) {
  return {wengert::fma(a.low, b.low, c.low), wengert::fma(a.high, b.high, c.high)};
}
inline Doubles to_doubles(VecF x) {
  return [&]<int... i>(std::integer_sequence<int, i...>) -> Doubles {
    using namespace Eigen::internal;
    using Packet = Doubles::V::Packet;
    constexpr int kHalf = Doubles::V::kSize;
    const VecF turned(__builtin_shufflevector(x.p, x.p, ((i + kHalf) % VecF::kSize)...));
    return {pcast<VecF::Packet, Packet>(x.p), pcast<VecF::Packet, Packet>(turned.p)};
  }(std::make_integer_sequence<int, VecF::kSize>());
}
inline VecF to_floats(Doubles x) {
  return Eigen::internal::pcast<Doubles::V::Packet, VecF::Packet>(x.low.p, x.high.p);
}
// a b - p without error, for p the product rounded.
inline VecF lost_of_product(VecF a, VecF b, VecF p) {
#if defined(EIGEN_VECTORIZE_FMA)
  return Eigen::internal::pmsub(a.p, b.p, p.p);
#else
  // Of halves with 12 bits each product is exact. T. Dekker, "A floating-point technique for
  // extending the available precision", 1971.
  const VecF upper = from_bits(repeat_int(~0xfff));
  const auto high = [&](VecF x) { return VecF(Eigen::internal::pand(x.p, upper.p)); };
  const VecF a1 = high(a), b1 = high(b), a2 = a - a1, b2 = b - b1;
  return ((a1 * b1 - p) + (a1 * b2 + a2 * b1)) + a2 * b2;
#endif
}

inline Doubles quotient(Doubles p, Doubles q) {
#if defined(__AVX512F__)
  // A register of doubles takes 16 cycles to divide: 14 digits of 1 / q and a step of Newton's
  // method for twice as many, more than a float has, cost 5.
  const auto divide = [](Vec<double> p, Vec<double> q) {
    const Vec<double> r = _mm512_rcp14_pd(q.p), y = p * r;
    return wengert::fma(y, Vec<double>(Eigen::internal::pnmadd(q.p, r.p, Vec<double>(1.0).p)), y);
  };
  return {divide(p.low, q.low), divide(p.high, q.high)};
#else
  return {p.low / q.low, p.high / q.high};
#endif
}

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
  const ExpParts e = exp_parts<false>(h, lost_of_product(half, t, h));
  const Doubles d = to_doubles(t);
  const Doubles tail = f(quotient(polynomial(kP, d), polynomial(kQ, d)), d);
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
