// Special functions: the gamma function and its relatives, the inverse of the error function.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor lgamma(const Operand& x);
Tensor digamma(const Operand& x);
Tensor polygamma(int64_t n, const Tensor& x);
Tensor erfinv(const Operand& x);
Tensor mvlgamma(const Tensor& x, int64_t p);

}  // namespace wengert
