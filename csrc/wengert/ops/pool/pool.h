// Windows that slide over the last dimensions, and what stands around them.
#pragma once

#include <optional>

#include "wengert/ops/basic.h"

namespace wengert {

// One number stands for all dimensions; no stride is that of windows side by side.
Tensor max_pool1d(const Tensor& x, Ints kernel_size, Ints stride = {}, Ints padding = 0,
                  Ints dilation = 1, bool ceil_mode = false);
Tensor max_pool2d(const Tensor& x, Ints kernel_size, Ints stride = {}, Ints padding = 0,
                  Ints dilation = 1, bool ceil_mode = false);
Tensor max_pool3d(const Tensor& x, Ints kernel_size, Ints stride = {}, Ints padding = 0,
                  Ints dilation = 1, bool ceil_mode = false);
Tensor avg_pool1d(const Tensor& x, Ints kernel_size, Ints stride = {}, Ints padding = 0,
                  bool ceil_mode = false, bool count_include_pad = true);
Tensor avg_pool2d(const Tensor& x, Ints kernel_size, Ints stride = {}, Ints padding = 0,
                  bool ceil_mode = false, bool count_include_pad = true,
                  std::optional<int64_t> divisor_override = {});
Tensor avg_pool3d(const Tensor& x, Ints kernel_size, Ints stride = {}, Ints padding = 0,
                  bool ceil_mode = false, bool count_include_pad = true,
                  std::optional<int64_t> divisor_override = {});
Tensor adaptive_avg_pool1d(const Tensor& x, Ints output_size);
Tensor adaptive_avg_pool2d(const Tensor& x, Ints output_size);
Tensor adaptive_avg_pool3d(const Tensor& x, Ints output_size);
Tensor unfold(const Tensor& x, Ints kernel_size, Ints dilation = 1, Ints padding = 0,
              Ints stride = 1);
Tensor fold(const Tensor& x, Ints output_size, Ints kernel_size, Ints dilation = 1,
            Ints padding = 0, Ints stride = 1);
// Pairs of sizes, from the last dimension on; negative ones cut off.
Tensor constant_pad_nd(const Tensor& x, Ints pad, const Scalar& value = 0);

}  // namespace wengert
