// What the functions of vectors share: bits, polynomials, floats computed as doubles. Included by
// vec.h.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>

namespace wengert::detail {

using VecF = Vec<float>;
using PacketI = Eigen::internal::unpacket_traits<VecF::Packet>::integer_packet;

inline PacketI bits_of(VecF x) { return Eigen::internal::preinterpret<PacketI>(x.p); }
inline VecF from_bits(PacketI i) { return Eigen::internal::preinterpret<VecF::Packet>(i); }
inline PacketI repeat_int(int v) { return Eigen::internal::pset1<PacketI>(v); }
// c[0] + c[1] x + ...
template <class V, class T, size_t kN>
inline V polynomial(const T (&c)[kN], V x) {
  V y = V::repeat(c[kN - 1]);
  for (size_t i = kN - 1; i-- > 0;) y = fma(y, x, V::repeat(c[i]));
  return y;
}

// c[i] + c[i + 1] x + ..., kStep of them; s is x^2.
template <size_t i, size_t kStep, class T, size_t kN>
inline Vec<T> polynomial_part(const T (&c)[kN], Vec<T> x, Vec<T> s) {
  using V = Vec<T>;
  if constexpr (kStep == 4) {
    const V first = polynomial_part<i, 2>(c, x, s);
    if constexpr (i + 2 >= kN)
      return first;
    else
      return fma(polynomial_part<i + 2, 2>(c, x, s), s, first);
  } else if constexpr (i + 1 < kN) {
    return fma(x, V::repeat(c[i + 1]), V::repeat(c[i]));
  } else {
    return V::repeat(c[i]);
  }
}
// The same as above in half as many steps that wait for each other, or in a quarter.
template <class T, size_t kN>
inline Vec<T> polynomial(const T (&c)[kN], Vec<T> x, Vec<T> s) {
  constexpr size_t kStep = kN < 8 ? 2 : 4, kLast = (kN - 1) / kStep * kStep;
  const Vec<T> factor = kStep == 2 ? s : s * s;
  Vec<T> y = polynomial_part<kLast, kStep>(c, x, s);
  [&]<size_t... k>(std::index_sequence<k...>) {
    ((y = fma(y, factor, polynomial_part<kLast - (k + 1) * kStep, kStep>(c, x, s))), ...);
  }(std::make_index_sequence<kLast / kStep>());
  return y;
}
// NaN stays NaN: of two operands the first is taken if they cannot be compared.
template <class T>
inline Vec<T> at_least(Vec<T> x, double low) {
  return Eigen::internal::pmax(x.p, Vec<T>(low).p);
}
template <class T>
inline Vec<T> at_most(Vec<T> x, double high) {
  return Eigen::internal::pmin(x.p, Vec<T>(high).p);
}
template <class T>
inline Vec<T> bounded(Vec<T> x, double low, double high) {
  return at_most(at_least(x, low), high);
}
// y with the sign of x, which it may have before.
template <class T>
inline Vec<T> with_sign(Vec<T> y, Vec<T> x) {
  return Eigen::internal::por(y.p, Eigen::internal::pand(x.p, Vec<T>(-0.0).p));
}

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
// p / q with more digits than a float has, 28 or 42 bits, where these cost less than all: with
// AVX-512 a register of doubles takes 16 cycles to divide.
template <bool kLonger = false>
inline Vec<double> short_quotient(Vec<double> p, Vec<double> q) {
#if defined(__AVX512F__)
  using Eigen::internal::pnmadd;
  const Vec<double> r = _mm512_rcp14_pd(q.p), first = p * r;
  const Vec<double> y =
      wengert::fma(first, Vec<double>(pnmadd(q.p, r.p, Vec<double>(1.0).p)), first);
  return kLonger ? wengert::fma(Vec<double>(pnmadd(q.p, y.p, p.p)), r, y) : y;
#else
  return p / q;
#endif
}
inline Doubles short_quotient(Doubles p, Doubles q) {
  return {short_quotient(p.low, q.low), short_quotient(p.high, q.high)};
}

// f of each half, in float64, of which a float keeps every digit.
template <class F, class... X>
inline VecF by_doubles(const F& f, X... x) {
  return
      [&](auto... d) -> VecF { return to_floats({f(d.low...), f(d.high...)}); }(to_doubles(x)...);
}

// The bits of doubles. Plain vectors: Eigen's 64-bit integers are not complete on every level.
using VecD = Vec<double>;
using BitsD [[gnu::vector_size(sizeof(VecD::Packet))]] = uint64_t;
inline BitsD bits_of(VecD x) { return reinterpret_cast<BitsD>(x.p); }
inline VecD from_bits(BitsD b) { return reinterpret_cast<VecD::Packet>(b); }
inline Mask<double> is_odd(BitsD b) {
#if defined(__AVX512F__)
  return {_mm512_test_epi64_mask(reinterpret_cast<__m512i>(b), _mm512_set1_epi64(1))};
#else
  return {reinterpret_cast<VecD::Packet>(-(b & 1))};
#endif
}
// With the sign of y turned where that of x is set.
template <class T>
inline Vec<T> turned_by(Vec<T> y, Vec<T> x) {
  return Eigen::internal::pxor(y.p, Eigen::internal::pand(x.p, Vec<T>(-0.0).p));
}

// a b - p without error, for p the product rounded.
template <class T>
inline Vec<T> lost_of_product(Vec<T> a, Vec<T> b, Vec<T> p) {
#if defined(EIGEN_VECTORIZE_FMA)
  return Eigen::internal::pmsub(a.p, b.p, p.p);
#else
  // Of halves with 12 bits (26 and 27) each product is exact. T. Dekker, "A floating-point
  // technique for extending the available precision", 1971.
  const auto high = [](Vec<T> x) -> Vec<T> {
    if constexpr (std::is_same_v<T, float>) {
      return Eigen::internal::pand(x.p, from_bits(repeat_int(~0xfff)).p);
    } else {
      return from_bits(bits_of(x) & ~uint64_t{0x7ffffff});
    }
  };
  const Vec<T> a1 = high(a), b1 = high(b), a2 = a - a1, b2 = b - b1;
  return ((a1 * b1 - p) + (a1 * b2 + a2 * b1)) + a2 * b2;
#endif
}
// c - a b, rounded once if it fits.
template <class T>
inline Vec<T> residue(Vec<T> c, Vec<T> a, Vec<T> b) {
#if defined(EIGEN_VECTORIZE_FMA)
  return Eigen::internal::pnmadd(a.p, b.p, c.p);
#else
  const Vec<T> p = a * b;
  return (c - p) - lost_of_product(a, b, p);
#endif
}

// y, where m has a lane set f(x): for what is rare, by the C library.
template <class T>
[[gnu::noinline]] Vec<T> rare_lanes(Mask<T> m, Vec<T> x, Vec<T> y, T (*f)(T)) {
  return select(m, lanes(x, f), y);
}
template <class T>
[[gnu::noinline]] Vec<T> rare_lanes(Mask<T> m, Vec<T> a, Vec<T> b, Vec<T> y, T (*f)(T, T)) {
  return select(m, lanes(a, b, f), y);
}

}  // namespace wengert::detail
