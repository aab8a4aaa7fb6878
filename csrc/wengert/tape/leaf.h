// What becomes .grad of a leaf.
#pragma once

#include "wengert/tensor/tensor.h"

namespace wengert {

// Lies in memory as the leaf does if that is dense, else contiguous, as in PyTorch: g itself if
// nobody else has it and it lies so.
Tensor as_gradient_of(const Tensor& leaf, const Tensor& g);

}  // namespace wengert
