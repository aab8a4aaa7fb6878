// softmax and log_softmax along one dimension of contiguous memory, and their gradients.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// A tensor seen as [outer, n, inner]; n is the dimension that is normalised.
struct SoftmaxShape {
  int64_t outer, n, inner;
};

// y = exp(x - m) / s, or y = x - m - log s, with m = max x and s = sum exp(x - m).
void softmax_forward(Dtype dtype, bool log, const SoftmaxShape& s, const void* x, void* y);
// dx = y (g - sum g y), or dx = g - exp(y) sum g.
void softmax_gradient(Dtype dtype, bool log, const SoftmaxShape& s, const void* g, const void* y,
                      void* dx);

}  // namespace wengert
