// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/pointwise/functions.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/reduce/reduce.h"
#include "wengert/ops/special/special.h"

// clang-format off
namespace wengert {

// The modified Bessel function of the first kind of order 0
Tensor i0(const Tensor& input);
Tensor& i0_(Tensor& input);
// i0(x) * exp(-|x|)
Tensor i0e(const Tensor& input);
// The modified Bessel function of the first kind of order 1
Tensor i1(const Tensor& input);
// i1(x) * exp(-|x|)
Tensor i1e(const Tensor& input);
// The Bessel function of the first kind of order 0; no gradient
Tensor bessel_j0(const Tensor& input);
// The Bessel function of the first kind of order 1; no gradient
Tensor bessel_j1(const Tensor& input);
// The Bessel function of the second kind of order 0; no gradient
Tensor bessel_y0(const Tensor& input);
// The Bessel function of the second kind of order 1; no gradient
Tensor bessel_y1(const Tensor& input);
// i0(), without a gradient
Tensor modified_bessel_i0(const Tensor& input);
// i1(), without a gradient
Tensor modified_bessel_i1(const Tensor& input);
// The modified Bessel function of the second kind of order 0; no gradient
Tensor modified_bessel_k0(const Tensor& input);
// The modified Bessel function of the second kind of order 1; no gradient
Tensor modified_bessel_k1(const Tensor& input);
// modified_bessel_k0(x) * exp(x); no gradient
Tensor scaled_modified_bessel_k0(const Tensor& input);
// modified_bessel_k1(x) * exp(x); no gradient
Tensor scaled_modified_bessel_k1(const Tensor& input);
// Airy's function Ai, 0 at both infinities; no gradient
Tensor airy_ai(const Tensor& input);
// The spherical Bessel function of order 0; no gradient
Tensor spherical_bessel_j0(const Tensor& input);
// The probability that a normal variable is below x
Tensor ndtr(const Tensor& input);
// log(ndtr(x)), accurate for large negative x
Tensor log_ndtr(const Tensor& input);
// The inverse of ndtr(): infinite at 0 and 1, NaN beyond
Tensor ndtri(const Tensor& input);
// exp(x^2) * erfc(x), without overflow for positive x
Tensor erfcx(const Tensor& input);
// -x * log(x), 0 at 0, -inf below
Tensor entr(const Tensor& input);
// sin(pi * x) / (pi * x), and 1 at 0
Tensor sinc(const Tensor& input);
Tensor& sinc_(Tensor& input);
// The Hurwitz zeta function, the sum of (other + k)^-input; no gradient
Tensor zeta(const Operand& input, const Operand& other);
// The Chebyshev polynomial of the first kind of degree n
Tensor chebyshev_polynomial_t(const Operand& x, const Operand& n);
// The Chebyshev polynomial of the second kind of degree n
Tensor chebyshev_polynomial_u(const Operand& x, const Operand& n);
// The Chebyshev polynomial of the third kind of degree n
Tensor chebyshev_polynomial_v(const Operand& x, const Operand& n);
// The Chebyshev polynomial of the fourth kind of degree n
Tensor chebyshev_polynomial_w(const Operand& x, const Operand& n);
// chebyshev_polynomial_t(2 * x - 1, n)
Tensor shifted_chebyshev_polynomial_t(const Operand& x, const Operand& n);
// chebyshev_polynomial_u(2 * x - 1, n)
Tensor shifted_chebyshev_polynomial_u(const Operand& x, const Operand& n);
// chebyshev_polynomial_v(2 * x - 1, n)
Tensor shifted_chebyshev_polynomial_v(const Operand& x, const Operand& n);
// chebyshev_polynomial_w(2 * x - 1, n)
Tensor shifted_chebyshev_polynomial_w(const Operand& x, const Operand& n);
// The physicist's Hermite polynomial of degree n
Tensor hermite_polynomial_h(const Operand& x, const Operand& n);
// The probabilist's Hermite polynomial of degree n
Tensor hermite_polynomial_he(const Operand& x, const Operand& n);
// The Laguerre polynomial of degree n
Tensor laguerre_polynomial_l(const Operand& x, const Operand& n);
// The Legendre polynomial of degree n
Tensor legendre_polynomial_p(const Operand& x, const Operand& n);
Tensor& lgamma_(Tensor& input);
Tensor& digamma_(Tensor& input);
Tensor& erfinv_(Tensor& input);
// The regularized lower incomplete gamma function P(input, other)
Tensor igamma(const Tensor& input, const Tensor& other);
Tensor& igamma_(Tensor& input, const Tensor& other);
Tensor igammac(const Tensor& input, const Tensor& other);
Tensor& igammac_(Tensor& input, const Tensor& other);
Tensor& mvlgamma_(Tensor& input, int64_t p);

// The names of PyTorch's torch::special.
namespace special {
using wengert::airy_ai;
using wengert::bessel_j0;
using wengert::bessel_j1;
using wengert::bessel_y0;
using wengert::bessel_y1;
using wengert::chebyshev_polynomial_t;
using wengert::chebyshev_polynomial_u;
using wengert::chebyshev_polynomial_v;
using wengert::chebyshev_polynomial_w;
using wengert::digamma;
using wengert::entr;
using wengert::erf;
using wengert::erfc;
using wengert::erfcx;
using wengert::erfinv;
using wengert::exp2;
inline constexpr auto& expit = wengert::sigmoid;
using wengert::expm1;
inline constexpr auto& gammainc = wengert::igamma;
inline constexpr auto& gammaincc = wengert::igammac;
inline constexpr auto& gammaln = wengert::lgamma;
using wengert::hermite_polynomial_h;
using wengert::hermite_polynomial_he;
using wengert::i0;
using wengert::i0e;
using wengert::i1;
using wengert::i1e;
using wengert::laguerre_polynomial_l;
using wengert::legendre_polynomial_p;
using wengert::log1p;
using wengert::log_ndtr;
using wengert::log_softmax;
using wengert::logit;
using wengert::logsumexp;
using wengert::modified_bessel_i0;
using wengert::modified_bessel_i1;
using wengert::modified_bessel_k0;
using wengert::modified_bessel_k1;
inline constexpr auto& multigammaln = wengert::mvlgamma;
using wengert::ndtr;
using wengert::ndtri;
using wengert::polygamma;
inline constexpr auto& psi = wengert::digamma;
using wengert::round;
using wengert::scaled_modified_bessel_k0;
using wengert::scaled_modified_bessel_k1;
using wengert::shifted_chebyshev_polynomial_t;
using wengert::shifted_chebyshev_polynomial_u;
using wengert::shifted_chebyshev_polynomial_v;
using wengert::shifted_chebyshev_polynomial_w;
using wengert::sinc;
using wengert::softmax;
using wengert::spherical_bessel_j0;
using wengert::xlog1py;
using wengert::xlogy;
using wengert::zeta;
}  // namespace special


}  // namespace wengert
