// What pointwise families share: the shape and run of every pointwise op.
#pragma once

#include "wengert/kernels/core/pointwise.h"
#include "wengert/ops/basic.h"

namespace wengert {

// Broadcasts the inputs; the dtype is what promotion found, or bool.
void pointwise_shape(Call& c);
void pointwise_run(Call& c);
// With the kernels of another row, of as many of the inputs as that has.
void pointwise_run(Call& c, const PointwiseRow& row);
// The kernel of a pointwise op of one tensor whose result has that tensor's dtype; null if there is
// none.
PointwiseKernel unary_kernel(const Op& op, Dtype dtype);
// The same of two tensors.
PointwiseKernel binary_kernel(const Op& op, Dtype dtype);
// The number as one of the dtype: a RuntimeError if it is beyond that.
Scalar checked_number(const Scalar& s, Dtype dtype);
// A number as input i that bounds the result from above, or below: if it is beyond the common dtype
// it limits nothing, and becomes the last number of that. On the other side it is refused.
void fit_bound(Call& c, int i, bool upper);
// A tensor in that dtype, with its gradient; a number as it is.
Operand cast_to(const Operand& x, Dtype dtype);
// The vjp of what is piecewise constant: zeros for every input.
void no_gradient(Vjp& v);

inline constexpr uint32_t kEverywhere = kMethod | kModule | kInplace;

// The common part of pointwise rows; kernels/core/pointwise_rows.h makes `row`.
constexpr Op pointwise_op(const char* name, const Signature& signature, const char* doc,
                          const PointwiseRow* row, Promote promote, void (*vjp)(Vjp&),
                          uint32_t reads, uint32_t on, void (*shape)(Call&) = pointwise_shape) {
  Op op{.name = name, .signature = signature, .on = on, .doc = doc};
  op.promote = promote;
  op.pointwise = row;
  op.shape = shape;
  op.run = pointwise_run;
  op.vjp = vjp;
  op.reads = reads;
  return op;
}

// Rows that other files name: a const is known outside its file only if declared so.
extern const Op add_op, sub_op, mul_op, div_op, floor_divide_op, remainder_op, pow_op, matmul_op;
extern const Op neg_op, abs_op, isfinite_op, addcmul_float_op;
extern const Op bitwise_not_op, bitwise_and_op, bitwise_or_op, bitwise_xor_op;
extern const Op bitwise_left_shift_op, bitwise_right_shift_op;
extern const Op eq_op, ne_op, lt_op, le_op, gt_op, ge_op;

}  // namespace wengert
