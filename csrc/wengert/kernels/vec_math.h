// Exponentials, logarithms and the error function of Vec<float>, with an error of at most 2 units
// in the last place (benchmarks/README.md lists what was measured). Included by vec.h.
//
// The polynomials are minimax fits in the variables given; the reductions are those of W. Cody,
// W. Waite, "Software Manual for the Elementary Functions", 1980.
#pragma once

#include <cmath>
#include <cstddef>

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
template <size_t kN>
inline VecF polynomial(const float (&c)[kN], VecF x) {
  VecF y = VecF::repeat(c[kN - 1]);
  for (size_t i = kN - 1; i-- > 0;) y = fma(y, x, VecF::repeat(c[i]));
  return y;
}

constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;  // few bits, and the rest

// e^x = scale (1 + part), |part| < 0.42: what is added to 1 keeps its own digits.
struct ExpParts {
  VecF scale, part;
  PacketI k;
  // Not scale + scale part: the product may be too small for a normal number.
  VecF value() const { return scale * (1.0 + part); }
};
// -88 <= x <= 89; the scale is at most 2^127.
template <bool kLarge = true>
inline ExpParts exp_parts(VecF x) {
  constexpr float kQ[] = {
      0.5f, 1.666666716e-1f, 4.166635126e-2f, 8.333276957e-3f, 1.394115505e-3f, 1.991226018e-4f};
  const VecF k = round_half_even(x * VecF(M_LOG2E));
  const VecF r = fma(k, VecF(-kLn2Low), fma(k, VecF(-kLn2High), x));
  const PacketI n = Eigen::internal::pcast<VecF::Packet, PacketI>(k.p);
  const PacketI most = kLarge ? Eigen::internal::pmin<PacketI>(n, repeat_int(127)) : n;
  return {power_of_two(most), fma(r * r, polynomial(kQ, r), r), n};
}
// NaN stays NaN: of two operands the first is taken if they cannot be compared.
inline VecF at_least(VecF x, double low) { return Eigen::internal::pmax(x.p, VecF(low).p); }
inline VecF at_most(VecF x, double high) { return Eigen::internal::pmin(x.p, VecF(high).p); }
inline VecF bounded(VecF x, double low, double high) { return at_most(at_least(x, low), high); }
// 2 where the scale was to be 2^128.
inline VecF last_factor(const ExpParts& e) {
  return select(Mask<float>{from_bits(Eigen::internal::pcmp_lt<PacketI>(repeat_int(127), e.k)).p},
                2.0, VecF(1.0));
}

// What rounding takes from a sum of positive numbers, and from a product. T. Dekker, "A
// floating-point technique for extending the available precision", 1971.
inline VecF sum_error(VecF a, VecF b, VecF sum) { return min(a, b) - (sum - max(a, b)); }
inline VecF product_error(VecF a, VecF b, VecF product) {
#ifdef EIGEN_VECTORIZE_FMA
  return fma(a, b, -product);
#else
  const PacketI upper = repeat_int(-4096);  // half of the digits
  const VecF ah = from_bits(Eigen::internal::pand<PacketI>(bits_of(a), upper)), al = a - ah;
  const VecF bh = from_bits(Eigen::internal::pand<PacketI>(bits_of(b), upper)), bl = b - bh;
  return ((ah * bh - product) + (ah * bl + al * bh)) + al * bl;
#endif
}

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

// (e^2x - 1) / (e^2x + 1) of |x|, with the sign of x; 1 beyond 10.
inline Vec<float> tanh(Vec<float> x) {
  using namespace Eigen::internal;
  const auto sign = pand(x.p, pset1<Vec<float>::Packet>(-0.0f));
  const auto t = detail::at_most(abs(x), 10);
  const auto e = detail::exp_parts<false>(t + t);
  const auto m = fma(e.scale, e.part, e.scale - 1.0), sum = m + 2.0, y = m / sum;
  const auto lost = detail::sum_error(m, Vec<float>(2.0), sum);
  return por(fma(y * lost, 0.5 * y - 0.5, y).p, sign);  // 1 / (m + 2) = (1 - y) / 2
}

// 1 / (1 + e^-x); what 1 and the scale lose when they are added comes with the part.
inline Vec<float> sigmoid(Vec<float> x) {
  const auto e = detail::exp_parts<false>(detail::bounded(-x, -88, 88));
  const auto sum = e.scale + 1.0, lost = detail::sum_error(e.scale, Vec<float>(1.0), sum);
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
  return select(t < 0.92, near, select(x < 0.0, -far, far));
}

namespace detail {

// The normal distribution's probability below x, and what it lacks, accurate in relative terms for
// negative x too: below -t it is exp(-t^2 / 2) w S(w), w = 8 / (t + 4). What rounding loses of t^2,
// of w and of S is put back to first order.
struct Probability {
  VecF p, lacking;
};
inline Probability normal_parts(VecF x) {
  constexpr double kS = 4.987540841e-2;
  constexpr float kRest[] = {2.485997416e-2f, 1.199064683e-2f,  4.387541208e-3f,
                             2.861970337e-3f, 6.214257155e-5f,  3.006220795e-4f,
                             1.735084952e-4f, -1.168468953e-4f, 1.567489562e-5f};
  const VecF t = at_most(abs(x), 13.2);
  const VecF s = t * t, s_lost = product_error(t, t, s);
  const VecF d = t + 4.0, w = 8.0 / d, p = w * d;
  const VecF w_lost =
      ((8.0 - p) - product_error(w, d, p) - w * sum_error(t, VecF(4.0), d)) * (0.125 * w);
  const VecF slope = fma(d, VecF(0.075), VecF(1.35));  // of log(w S(w)), nearly
  const auto e = exp_parts<false>(-0.5 * s);
  const VecF part = fma(1.0 + e.part, fma(slope, w_lost, -0.5 * s_lost), e.part);
  const VecF rest = polynomial(kRest, w), a = w * rest, sum = a + kS, r = w * sum;
  const VecF sum_lost = sum_error(a, VecF(kS), sum) + product_error(w, rest, a);
  const VecF more = fma(r, part, fma(w, sum_lost, product_error(w, sum, r))), q = r + more;
  const VecF below = e.scale * q, above = 1.0 - below;
  return {select(x < 0.0, below, above),
          select(x < 0.0, e.scale * (more - (q - r)), (1.0 - above) - below)};
}

}  // namespace detail

inline Vec<float> normal_cdf(Vec<float> x) { return detail::normal_parts(x).p; }
inline Vec<float> gelu(Vec<float> x) {
  const auto n = detail::normal_parts(x);
  return fma(x, n.p, x * n.lacking);
}

}  // namespace wengert
