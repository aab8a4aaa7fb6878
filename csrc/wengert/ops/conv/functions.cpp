// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/conv/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
              Word padding, Ints dilation, int64_t groups) {
  static const Op& op = calling::row("conv1d", 1);
  return calling::one(op,
                      {input, weight, bias},
                      {stride, calling::choice(op, "padding", padding), dilation, groups});
}
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
              Word padding, Ints dilation, int64_t groups) {
  static const Op& op = calling::row("conv2d", 1);
  return calling::one(op,
                      {input, weight, bias},
                      {stride, calling::choice(op, "padding", padding), dilation, groups});
}
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
              Word padding, Ints dilation, int64_t groups) {
  static const Op& op = calling::row("conv3d", 1);
  return calling::one(op,
                      {input, weight, bias},
                      {stride, calling::choice(op, "padding", padding), dilation, groups});
}

}  // namespace wengert
