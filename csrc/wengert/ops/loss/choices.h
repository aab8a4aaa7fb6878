// What losses share.
#pragma once

#include "wengert/kernels/loss/loss.h"
#include "wengert/ops/reduce/dims.h"

namespace wengert {

// Where a loss has its reduction among its attributes: the choices 'none' | 'mean' | 'sum', and the
// older size_average and reduce, or -1.
struct ReductionPlace {
  int reduction, size_average = -1, reduce = -1;
};
consteval ReductionPlace reduction_place(const Signature& s) { return {s["reduction"]}; }
consteval ReductionPlace legacy_reduction_place(const Signature& s) {
  return {s["reduction"], s["size_average"], s["reduce"]};
}
// What the choice asks for, or one of the older two where it is given.
Reduction reduction_of(const Attrs& a, const ReductionPlace& at);
// Warns where one of the older two is given.
void warn_of_legacy(const Attrs& a, const ReductionPlace& at);
Tensor reduce_loss(const Tensor& loss, Reduction reduction);

// What a loss of classes asks of targets and weights for an input of this shape and dtype;
// everything but the values of the targets.
void check_class_loss(const Dims& x, Dtype dtype, const Tensor& target, const Tensor& weight);

inline LossSum loss_sum(int64_t choice) { return static_cast<LossSum>(choice); }

}  // namespace wengert
