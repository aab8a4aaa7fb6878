// The three rows behind all convolutions, each of which is the gradient of the other two.
#pragma once

#include "wengert/kernels/conv/conv.h"
#include "wengert/ops/basic.h"

namespace wengert {

extern const Op conv_output_op, conv_input_op, conv_weight_op;
extern const Op conv_output_then_op, conv_input_then_op;

// For rows that begin with the arguments of conv_output, or of conv_input: their checks and result,
// and what the kernels want to know of shapes.
void conv_output_shape(Call& c);
void conv_input_shape(Call& c);
ConvShape conv_shape(const Attrs& a, const Tensor& x, const Tensor& w, const Tensor& y);

// Of a convolution, for each spatial dimension; `groups` for all.
struct ConvArguments {
  Dims stride, padding, dilation;
  int64_t groups;

  // With the spatial sizes of the result.
  Attrs with(const Dims& size) const { return Attrs(stride, padding, dilation, groups, size); }
};

}  // namespace wengert
