// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

std::pair<Tensor, Tensor> max_pool1d_with_indices(const Tensor& input, Ints kernel_size,
                                                  Ints stride = {}, Ints padding = 0,
                                                  Ints dilation = 1, bool ceil_mode = false);
std::pair<Tensor, Tensor> max_pool2d_with_indices(const Tensor& input, Ints kernel_size,
                                                  Ints stride = {}, Ints padding = 0,
                                                  Ints dilation = 1, bool ceil_mode = false);
std::pair<Tensor, Tensor> max_pool3d_with_indices(const Tensor& input, Ints kernel_size,
                                                  Ints stride = {}, Ints padding = 0,
                                                  Ints dilation = 1, bool ceil_mode = false);
Tensor lp_pool1d(const Tensor& input, const Scalar& norm_type, Ints kernel_size, Ints stride = {},
                 bool ceil_mode = false);
Tensor lp_pool2d(const Tensor& input, const Scalar& norm_type, Ints kernel_size, Ints stride = {},
                 bool ceil_mode = false);
Tensor lp_pool3d(const Tensor& input, const Scalar& norm_type, Ints kernel_size, Ints stride = {},
                 bool ceil_mode = false);
// Adaptive max pooling; with `return_indices` the indices as well, in a tuple
Tensor adaptive_max_pool1d(const Tensor& input, Ints output_size);
// Adaptive max pooling; with `return_indices` the indices as well, in a tuple
Tensor adaptive_max_pool2d(const Tensor& input, Ints output_size);
// Adaptive max pooling; with `return_indices` the indices as well, in a tuple
Tensor adaptive_max_pool3d(const Tensor& input, Ints output_size);
std::pair<Tensor, Tensor> adaptive_max_pool1d_with_indices(const Tensor& input, Ints output_size);
std::pair<Tensor, Tensor> adaptive_max_pool2d_with_indices(const Tensor& input, Ints output_size);
std::pair<Tensor, Tensor> adaptive_max_pool3d_with_indices(const Tensor& input, Ints output_size);
Tensor fractional_max_pool2d(const Tensor& input, Ints kernel_size, Ints output_size = {},
                             Floats output_ratio = {}, const Tensor& random_samples = {});
Tensor fractional_max_pool3d(const Tensor& input, Ints kernel_size, Ints output_size = {},
                             Floats output_ratio = {}, const Tensor& random_samples = {});
std::pair<Tensor, Tensor> fractional_max_pool2d_with_indices(const Tensor& input, Ints kernel_size,
                                                             Ints output_size = {},
                                                             Floats output_ratio = {},
                                                             const Tensor& random_samples = {});
std::pair<Tensor, Tensor> fractional_max_pool3d_with_indices(const Tensor& input, Ints kernel_size,
                                                             Ints output_size = {},
                                                             Floats output_ratio = {},
                                                             const Tensor& random_samples = {});
Tensor max_unpool1d(const Tensor& input, const Tensor& indices, Ints kernel_size, Ints stride = {},
                    Ints padding = 0, Ints output_size = {});
Tensor max_unpool2d(const Tensor& input, const Tensor& indices, Ints kernel_size, Ints stride = {},
                    Ints padding = 0, Ints output_size = {});
Tensor max_unpool3d(const Tensor& input, const Tensor& indices, Ints kernel_size, Ints stride = {},
                    Ints padding = 0, Ints output_size = {});
Tensor pad(const Tensor& input, Ints pad, Word mode = "constant", std::optional<Scalar> value = {});

}  // namespace wengert
