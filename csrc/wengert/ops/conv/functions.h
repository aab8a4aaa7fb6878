// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
              Word padding, Ints dilation = 1, int64_t groups = 1);
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
              Word padding, Ints dilation = 1, int64_t groups = 1);
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, Ints stride,
              Word padding, Ints dilation = 1, int64_t groups = 1);

}  // namespace wengert
