// Products of matrices of narrow types. Internal to the family.
#pragma once

#include "wengert/tensor/tensor.h"

namespace wengert {

// out = x y, or out_ij = (x y)_ij + bias_j, for `batch` matrices, what is summed being float32 or
// int32: see Note [narrow]. Rows or columns of x and y lie densely; `out` has no gaps.
void narrow_product(const Tensor& out, const Tensor& x, const Tensor& y, int64_t batch,
                    const Tensor& bias = {});

}  // namespace wengert
