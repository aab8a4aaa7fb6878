// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/special/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor i0(const Tensor& input) {
  static const Op& op = calling::row("i0");
  return calling::one(op, {input});
}
Tensor& i0_(Tensor& input) {
  static const Op& op = calling::row("i0");
  return calling::in_place(op, input);
}
Tensor i0e(const Tensor& input) {
  static const Op& op = calling::row("i0e");
  return calling::one(op, {input});
}
Tensor i1(const Tensor& input) {
  static const Op& op = calling::row("i1");
  return calling::one(op, {input});
}
Tensor i1e(const Tensor& input) {
  static const Op& op = calling::row("i1e");
  return calling::one(op, {input});
}
Tensor bessel_j0(const Tensor& input) {
  static const Op& op = calling::row("bessel_j0");
  return calling::one(op, {input});
}
Tensor bessel_j1(const Tensor& input) {
  static const Op& op = calling::row("bessel_j1");
  return calling::one(op, {input});
}
Tensor bessel_y0(const Tensor& input) {
  static const Op& op = calling::row("bessel_y0");
  return calling::one(op, {input});
}
Tensor bessel_y1(const Tensor& input) {
  static const Op& op = calling::row("bessel_y1");
  return calling::one(op, {input});
}
Tensor modified_bessel_i0(const Tensor& input) {
  static const Op& op = calling::row("modified_bessel_i0");
  return calling::one(op, {input});
}
Tensor modified_bessel_i1(const Tensor& input) {
  static const Op& op = calling::row("modified_bessel_i1");
  return calling::one(op, {input});
}
Tensor modified_bessel_k0(const Tensor& input) {
  static const Op& op = calling::row("modified_bessel_k0");
  return calling::one(op, {input});
}
Tensor modified_bessel_k1(const Tensor& input) {
  static const Op& op = calling::row("modified_bessel_k1");
  return calling::one(op, {input});
}
Tensor scaled_modified_bessel_k0(const Tensor& input) {
  static const Op& op = calling::row("scaled_modified_bessel_k0");
  return calling::one(op, {input});
}
Tensor scaled_modified_bessel_k1(const Tensor& input) {
  static const Op& op = calling::row("scaled_modified_bessel_k1");
  return calling::one(op, {input});
}
Tensor airy_ai(const Tensor& input) {
  static const Op& op = calling::row("airy_ai");
  return calling::one(op, {input});
}
Tensor spherical_bessel_j0(const Tensor& input) {
  static const Op& op = calling::row("spherical_bessel_j0");
  return calling::one(op, {input});
}
Tensor ndtr(const Tensor& input) {
  static const Op& op = calling::row("ndtr");
  return calling::one(op, {input});
}
Tensor log_ndtr(const Tensor& input) {
  static const Op& op = calling::row("log_ndtr");
  return calling::one(op, {input});
}
Tensor ndtri(const Tensor& input) {
  static const Op& op = calling::row("ndtri");
  return calling::one(op, {input});
}
Tensor erfcx(const Tensor& input) {
  static const Op& op = calling::row("erfcx");
  return calling::one(op, {input});
}
Tensor entr(const Tensor& input) {
  static const Op& op = calling::row("entr");
  return calling::one(op, {input});
}
Tensor sinc(const Tensor& input) {
  static const Op& op = calling::row("sinc");
  return calling::one(op, {input});
}
Tensor& sinc_(Tensor& input) {
  static const Op& op = calling::row("sinc");
  return calling::in_place(op, input);
}
Tensor zeta(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("zeta");
  return calling::one(op, {input, other});
}
Tensor chebyshev_polynomial_t(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("chebyshev_polynomial_t");
  return calling::one(op, {x, n});
}
Tensor chebyshev_polynomial_u(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("chebyshev_polynomial_u");
  return calling::one(op, {x, n});
}
Tensor chebyshev_polynomial_v(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("chebyshev_polynomial_v");
  return calling::one(op, {x, n});
}
Tensor chebyshev_polynomial_w(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("chebyshev_polynomial_w");
  return calling::one(op, {x, n});
}
Tensor shifted_chebyshev_polynomial_t(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("shifted_chebyshev_polynomial_t");
  return calling::one(op, {x, n});
}
Tensor shifted_chebyshev_polynomial_u(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("shifted_chebyshev_polynomial_u");
  return calling::one(op, {x, n});
}
Tensor shifted_chebyshev_polynomial_v(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("shifted_chebyshev_polynomial_v");
  return calling::one(op, {x, n});
}
Tensor shifted_chebyshev_polynomial_w(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("shifted_chebyshev_polynomial_w");
  return calling::one(op, {x, n});
}
Tensor hermite_polynomial_h(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("hermite_polynomial_h");
  return calling::one(op, {x, n});
}
Tensor hermite_polynomial_he(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("hermite_polynomial_he");
  return calling::one(op, {x, n});
}
Tensor laguerre_polynomial_l(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("laguerre_polynomial_l");
  return calling::one(op, {x, n});
}
Tensor legendre_polynomial_p(const Operand& x, const Operand& n) {
  static const Op& op = calling::row("legendre_polynomial_p");
  return calling::one(op, {x, n});
}
Tensor& lgamma_(Tensor& input) {
  static const Op& op = calling::row("lgamma");
  return calling::in_place(op, input);
}
Tensor& digamma_(Tensor& input) {
  static const Op& op = calling::row("digamma");
  return calling::in_place(op, input);
}
Tensor& erfinv_(Tensor& input) {
  static const Op& op = calling::row("erfinv");
  return calling::in_place(op, input);
}
Tensor igamma(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("igamma");
  return calling::one(op, {input, other});
}
Tensor& igamma_(Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("igamma");
  return calling::in_place(op, input, {other});
}
Tensor igammac(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("igammac");
  return calling::one(op, {input, other});
}
Tensor& igammac_(Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("igammac");
  return calling::in_place(op, input, {other});
}
Tensor& mvlgamma_(Tensor& input, int64_t p) {
  static const Op& op = calling::row("mvlgamma");
  return calling::in_place(op, input, {}, {p});
}

}  // namespace wengert
