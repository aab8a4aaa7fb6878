// Orthogonal polynomials of degrees for which steps are too many, of one double.
#pragma once

#include <cmath>

#include "wengert/kernels/special/vec_bessel.h"

namespace wengert::special {

enum class Polynomial {
  kChebyshevT,
  kChebyshevU,
  kChebyshevV,
  kChebyshevW,
  kHermite,      // the physicist's
  kHermiteProb,  // the probabilist's
  kLaguerre,
  kLegendre,
};

// Chebyshev's for |x| >= 1, by the hyperbolic angle: of -x V is W, and all have n's sign.
inline double chebyshev_outside(Polynomial family, double x, double n) {
  using enum Polynomial;
  const bool halves = family == kChebyshevV || family == kChebyshevW;
  const bool sine = family == kChebyshevU || family == (x < 0 ? kChebyshevV : kChebyshevW);
  const double a = std::acosh(std::fabs(x)), least = halves ? a / 2 : family == kChebyshevU ? a : 0;
  const double m = n + (halves ? 0.5 : sine ? 1 : 0), angle = m * a;
  const double under = sine ? std::sinh(least) : std::cosh(least), e = std::exp(angle / 2);
  const double far = e / 2 / under * e, near = (sine ? std::sinh(angle) : std::cosh(angle)) / under;
  const double at_1 = !sine ? 1 : halves ? 2 * n + 1 : n + 1;
  const double y = a == 0 ? at_1 : angle > 40 ? far : near;
  return x < 0 && std::fmod(n, 2) != 0 ? -y : y;
}

// J_n(z), or I_n for what is beyond the range in which a polynomial waves.
struct BesselPair {
  double zeroth, first;
};
inline BesselPair bessel_pair(double z, bool waves) {
  if (waves) return {::j0(z), ::j1(z)};
  return {bessel_i_on<0, false, double>(z).first(), bessel_i_on<1, false, double>(z).first()};
}
// P_n of a large n: Szego, "Orthogonal polynomials", theorem 8.21.6, with the next term; what is
// left out is 0.02 / n^2 of the height.
inline double legendre_of_large(double x, double n) {
  const double size = std::fabs(x), m = n + 0.5;
  const bool waves = size < 1;
  const double a = waves ? std::acos(size) : std::acosh(size);
  const double sine = waves ? std::sin(a) : std::sinh(a);
  const BesselPair b = bessel_pair(m * a, waves);
  const double more =
      a < 1e-6 ? 0 : ((waves ? std::cos(a) : std::cosh(a)) / sine - 1 / a) / (8 * m);
  const double y = a == 0 ? 1 : std::sqrt(a / sine) * (b.zeroth + more * b.first);
  return x < 0 && std::fmod(n, 2) != 0 ? -y : y;
}
// L_n of a large n: by A. Erdelyi, "Asymptotic forms for Laguerre polynomials", 1960; what is left
// out, but for the next term near 0, is less than x^(3/2) / n^(5/2) of the height. NaN where no
// double is large enough.
inline double laguerre_of_large(double x, double n) {
  const double v = 4 * n + 2, a = std::fabs(x), root = std::sqrt(a / v);
  if (a == 0) return 1;
  const bool waves = x > 0;
  const double other = std::sqrt(1 - x / v);
  const double z = v / 2 * (root * other + (waves ? std::asin(root) : std::asinh(root)));
  const double slope = other / (2 * root), e = std::exp(x / 4);
  const BesselPair b = bessel_pair(z, waves);
  const double sum = b.zeroth + std::copysign(root / (3 * v), -x) * b.first;
  return std::sqrt(z / (2 * a * slope)) * e * sum * e;
}
inline double polynomial_of_large(Polynomial family, double x, double n) {
  if (family == Polynomial::kLegendre) return legendre_of_large(x, n);
  if (family == Polynomial::kLaguerre) return laguerre_of_large(x, n);
  return chebyshev_outside(family, x, n);
}

}  // namespace wengert::special
