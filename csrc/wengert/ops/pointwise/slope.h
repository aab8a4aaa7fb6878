// Gradients that are one kernel: dx = g s(x). Such a gradient is a row of its own, hidden from
// users; what an op has to say of it is a struct of a line or two:
//
//   struct SinSlope {
//     auto operator()(auto g, auto x) const { return g * cos(x); }
//     static Tensor bend(const Operand& x, const Attrs&) { return neg(sin(x)); }
//   };
//   constinit const Op sin_backward_op = slope_op<SinSlope>("sin_backward");
//   ... and as the vjp of `sin`: gradient_by<sin_backward_op>
//
// `bend` is s'(x) in ops, from which come all further derivatives; where s is piecewise constant it
// is left out. Numbers that the op has as attributes are those of the gradient, in the same order.
#pragma once

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

inline constexpr Signature kSlope = "(grad: Tensor, input: Tensor) -> Tensor";

// Of h, the gradient that comes in to a slope row: dg = h s(x), dx = h g s'(x).
template <class F>
void slope_vjp(Vjp& v) {
  if (v.needs(0)) v.set(0, apply(*v.entry().op, {v.g(), v.x(1)}, v.attrs()));
  if (!v.needs(1)) return;
  if constexpr (requires { &F::bend; }) {
    v.set(1, mul(v.g(), mul(v.x(0), F::bend(v.x(1), v.attrs()))));
  } else {
    v.set(1, zeros(v.shape(1), v.dtype(1)));
  }
}

template <class F>
constexpr Op slope_op(const char* name, const Signature& signature = kSlope) {
  return pointwise_op(name, signature, "Backward of the op of that name.", &kRow<2, Floats, F>,
                      Promote::kCommon, slope_vjp<F>, kInputs, 0);
}

// The vjp of an op of one input whose gradient is such a row.
template <const Op& kBackward>
void gradient_by(Vjp& v) {
  v.set(0, v.over_g(kBackward, v.x(), v.attrs()));
}

}  // namespace wengert
