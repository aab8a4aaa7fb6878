// Convolutions.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// One number stands for all spatial dimensions.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Ints stride = 1,
              Ints padding = 0, Ints dilation = 1, int64_t groups = 1);
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Ints stride = 1,
              Ints padding = 0, Ints dilation = 1, int64_t groups = 1);
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, Ints stride = 1,
              Ints padding = 0, Ints dilation = 1, int64_t groups = 1);
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        Ints stride = 1, Ints padding = 0, Ints output_padding = 0,
                        int64_t groups = 1, Ints dilation = 1);
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        Ints stride = 1, Ints padding = 0, Ints output_padding = 0,
                        int64_t groups = 1, Ints dilation = 1);
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        Ints stride = 1, Ints padding = 0, Ints output_padding = 0,
                        int64_t groups = 1, Ints dilation = 1);

}  // namespace wengert
