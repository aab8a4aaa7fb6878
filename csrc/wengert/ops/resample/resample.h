// Images of another size, images at computed places, channels as pixels.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// The order of the declared choices.
enum class InterpolateMode : int64_t {
  kNearest,
  kLinear,
  kBilinear,
  kBicubic,
  kTrilinear,
  kArea,
  kNearestExact,
  kLanczos,
};
enum class SampleMode : int64_t { kBilinear, kNearest, kBicubic };
enum class SamplePadding : int64_t { kZeros, kBorder, kReflection };

// (n, c, ...) -> (n, c, *size)
Tensor interpolate(const Tensor& x, Ints size, InterpolateMode mode = InterpolateMode::kNearest,
                   bool align_corners = false, bool antialias = false);
// (n, c, ...) -> each size times its scale; one scale stands for all
Tensor interpolate(const Tensor& x, std::span<const double> scale_factor,
                   InterpolateMode mode = InterpolateMode::kNearest, bool align_corners = false);
// (n, c, h, w), (n, oh, ow, 2) -> (n, c, oh, ow), or with a depth and 3 coordinates
Tensor grid_sample(const Tensor& x, const Tensor& grid, SampleMode mode = SampleMode::kBilinear,
                   SamplePadding padding = SamplePadding::kZeros, bool align_corners = false);
Tensor affine_grid(const Tensor& theta, Ints size, bool align_corners = false);
Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor);
Tensor pixel_unshuffle(const Tensor& x, int64_t downscale_factor);
Tensor channel_shuffle(const Tensor& x, int64_t groups);

}  // namespace wengert
