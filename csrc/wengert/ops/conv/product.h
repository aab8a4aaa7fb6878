// The three rows behind all convolutions, each of which is the gradient of the other two.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

extern const Op conv_output_op, conv_input_op, conv_weight_op;

// Of a convolution, for each spatial dimension; `groups` for all.
struct ConvArguments {
  Dims stride, padding, dilation;
  int64_t groups;

  // With the spatial sizes of the result.
  Attrs with(const Dims& size) const { return Attrs(stride, padding, dilation, groups, size); }
};

}  // namespace wengert
