// What reductions share: which dimensions go, and the way back in vjps.
#pragma once

#include "wengert/kernels/reduce/lines.h"
#include "wengert/kernels/reduce/reduce.h"
#include "wengert/ops/basic.h"

namespace wengert {

// Bit i: dimension i is reduced. Absent or empty: all of them.
uint32_t reduced_mask(const Attrs& a, int dim, int ndim);
uint32_t reduced_mask(Ints dims, int ndim);
Dims reduced_shape(const Dims& shape, uint32_t mask, bool keepdim);

// g, of the reduced shape, with the reduced dimensions back as 1.
Tensor restore_dims(const Tensor& g, const Dims& shape, uint32_t mask);
// The same in a vjp, where the dimensions are attribute `dim`.
Tensor restore_dims(const Vjp& v, const Tensor& g, int dim);

// In the vjp of values that were taken from places along dim: their gradient goes back there.
void scatter_back(Vjp& v, int64_t dim, const Tensor& g, const Tensor& index);

// Casts input i before the shape is found; the tape keeps the original.
void cast_input(Call& c, int i, Dtype dtype);

// The attributes of typed functions: an absent or empty list of dimensions is None.
void add_dims(Attrs& a, Ints dims);
void add_dim(Attrs& a, Dim dim);
// A row of two outputs.
inline std::pair<Tensor, Tensor> apply_pair(const Op& op, const Tensor& x, const Attrs& attrs) {
  Call c(op, attrs);
  c.add_input(x);
  apply(c);
  return {std::move(c.out[0]), std::move(c.out[1])};
}

// For the `shape` of what run_reduction runs: declares the next output; see Note [memory order].
void output_reduced(Call& c, Dtype dtype, uint32_t mask, bool keepdim);
// The same; the result has the shape of the dimensions that are not `dropped`.
void output_reduced(Call& c, Dtype dtype, uint32_t mask, uint32_t dropped, const Dims& shape);
// Runs a reduction of input 0 over the dimensions of the mask.
void run_reduction(Call& c, ReduceKind kind, uint32_t mask, double param = 0);
ReducePlan plan_reduction(const Tensor& x, uint32_t mask);

// A tensor as lines along one of its dimensions; of 0-d, n = 1.
Lines lines_of(const Dims& shape, int64_t dim);

// Rows that other rows are made of.
extern const Op nansum_op;
extern const Op prod_backward_op;
extern const Op norm_op;
extern const Op var_op;
extern const Op std_op;
extern const Op var_mean_op;
extern const Op std_mean_op;

}  // namespace wengert
