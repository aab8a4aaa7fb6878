// New tensors, and what writes to a tensor as a whole.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor ones(const Dims& shape, Dtype dtype = Dtype::kFloat32);
Tensor arange(double start, double end, double step = 1, Dtype dtype = Dtype::kInt64);
Tensor& fill_(Tensor& x, const Scalar& value);

}  // namespace wengert
