// Operations element by element; inputs are broadcast.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor floor_divide(const Operand& x, const Operand& y);
Tensor remainder(const Operand& x, const Operand& y);
Tensor fmod(const Operand& x, const Operand& y);
Tensor atan2(const Operand& x, const Operand& y);
Tensor square(const Operand& x);
Tensor rsqrt(const Operand& x);
Tensor exp2(const Operand& x);
Tensor expm1(const Operand& x);
Tensor log2(const Operand& x);
Tensor log10(const Operand& x);
Tensor log1p(const Operand& x);
Tensor sin(const Operand& x);
Tensor cos(const Operand& x);
Tensor tan(const Operand& x);
Tensor sinh(const Operand& x);
Tensor cosh(const Operand& x);
Tensor tanh(const Operand& x);
Tensor erf(const Operand& x);
Tensor floor(const Operand& x);
Tensor ceil(const Operand& x);
Tensor round(const Operand& x);
Tensor trunc(const Operand& x);
Tensor relu(const Operand& x);
Tensor gelu(const Operand& x, bool tanh_approximation = false);
Tensor silu(const Operand& x);
Tensor softplus(const Operand& x, double beta = 1, double threshold = 20);
Tensor hardshrink(const Operand& x, double lambd = 0.5);
Tensor softshrink(const Operand& x, double lambd = 0.5);
Tensor logical_and(const Operand& x, const Operand& y);
Tensor logical_or(const Operand& x, const Operand& y);
Tensor& sub_(Tensor& x, const Operand& y);
Tensor& div_(Tensor& x, const Operand& y);

}  // namespace wengert
