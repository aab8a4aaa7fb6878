// The same elements in another shape or order; views where that is possible.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor view(const Tensor& x, Ints shape);
Tensor stack(Tensors xs, int64_t dim = 0);
Tensor repeat(const Tensor& x, Ints repeats);
std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim = 0);
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);

}  // namespace wengert
