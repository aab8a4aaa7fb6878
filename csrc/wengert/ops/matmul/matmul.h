// Products of matrices.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias = {});

}  // namespace wengert
