// Elements by their positions. x[key] and x[key] = value: key.h.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value);
Tensor masked_select(const Tensor& x, const Tensor& mask);
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Operand& source);
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Operand& value);
Tensor nonzero(const Tensor& x);  // (count, ndim) positions
Tensor one_hot(const Tensor& x, int64_t classes = -1);
Tensor& masked_fill_(Tensor& x, const Tensor& mask, const Operand& value);

}  // namespace wengert
