// What losses share.
#pragma once

#include "wengert/kernels/loss/loss.h"
#include "wengert/ops/reduce/dims.h"

namespace wengert {

// The choices 'none' | 'mean' | 'sum' at attribute `at`, or what the older size_average and reduce
// at `at - 2`, `at - 1` of them ask for.
Reduction reduction_of(const Attrs& a, int size_average_at, int reduce_at, int at);
Tensor reduce_loss(const Tensor& loss, Reduction reduction);

inline LossSum loss_sum(int64_t choice) { return static_cast<LossSum>(choice); }

}  // namespace wengert
