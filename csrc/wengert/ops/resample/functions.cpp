// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/resample/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor upsample(const Tensor& input, Ints size, Floats scale_factor, Word mode,
                std::optional<bool> align_corners) {
  static const Op& op = calling::row("upsample");
  return calling::one(op,
                      {input},
                      {calling::one_or_more(size), scale_factor, calling::choice(op, "mode", mode),
                       align_corners});
}
Tensor upsample_nearest(const Tensor& input, Ints size, Floats scale_factor) {
  static const Op& op = calling::row("upsample_nearest");
  return calling::one(op, {input}, {calling::one_or_more(size), scale_factor});
}
Tensor upsample_bilinear(const Tensor& input, Ints size, Floats scale_factor) {
  static const Op& op = calling::row("upsample_bilinear");
  return calling::one(op, {input}, {calling::one_or_more(size), scale_factor});
}
Tensor affine_grid_generator(const Tensor& theta, Ints size, bool align_corners) {
  static const Op& op = calling::row("affine_grid_generator");
  return calling::one(op, {theta}, {size, align_corners});
}
Tensor grid_sampler(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                    int64_t padding_mode, bool align_corners) {
  static const Op& op = calling::row("grid_sampler");
  return calling::one(op, {input, grid}, {interpolation_mode, padding_mode, align_corners});
}
Tensor grid_sampler_2d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners) {
  static const Op& op = calling::row("grid_sampler_2d");
  return calling::one(op, {input, grid}, {interpolation_mode, padding_mode, align_corners});
}
Tensor grid_sampler_3d(const Tensor& input, const Tensor& grid, int64_t interpolation_mode,
                       int64_t padding_mode, bool align_corners) {
  static const Op& op = calling::row("grid_sampler_3d");
  return calling::one(op, {input, grid}, {interpolation_mode, padding_mode, align_corners});
}
Tensor native_channel_shuffle(const Tensor& input, int64_t groups) {
  static const Op& op = calling::row("native_channel_shuffle");
  return calling::one(op, {input}, {groups});
}

}  // namespace wengert
