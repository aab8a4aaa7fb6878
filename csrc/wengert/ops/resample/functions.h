// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

// An older name of interpolate()
Tensor upsample(const Tensor& input, Ints size = {}, Floats scale_factor = {},
                Word mode = "nearest", std::optional<bool> align_corners = {});
// An older name of interpolate() with the nearest pixel
Tensor upsample_nearest(const Tensor& input, Ints size = {}, Floats scale_factor = {});
// An older name of interpolate(mode='bilinear', align_corners=True)
Tensor upsample_bilinear(const Tensor& input, Ints size = {}, Floats scale_factor = {});
// affine_grid() with all arguments
Tensor affine_grid_generator(const Tensor& theta, Ints size, bool align_corners);
Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                    int64_t padding_mode, bool align_corners);
Tensor grid_sampler_2d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners);
Tensor grid_sampler_3d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners);
Tensor native_channel_shuffle(const Tensor& input, int64_t groups);

}  // namespace wengert
