// Images at computed places, and the two gradients of that.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

enum class GridMode : int64_t { kLinear, kNearest, kCubic };
enum class GridPadding : int64_t { kZeros, kBorder, kReflection };

// Images (batch, channels, in...), and for each `points` places of `dims` coordinates from -1 to 1,
// the last dimension's first.
struct GridShape {
  int64_t batch = 1, channels = 1, points = 1;
  int dims = 2;        // 2 or 3
  int64_t in[3] = {};  // sizes, in the order of the coordinates: width, height, depth
  GridMode mode = GridMode::kLinear;
  GridPadding padding = GridPadding::kZeros;
  bool align_corners = false;
  const int64_t* strides = nullptr;  // of the images that are read; null if they are contiguous

  int64_t pixels() const { return in[0] * in[1] * (dims == 3 ? in[2] : 1); }
  // Of these images: to the next pixel in the direction of coordinate d, channel, and image.
  int64_t pixel_step(int d) const {
    if (strides) return strides[dims + 1 - d];
    return d == 0 ? 1 : d == 1 ? in[0] : in[0] * in[1];
  }
  int64_t channel_step() const { return strides ? strides[1] : pixels(); }
  int64_t image_step() const { return strides ? strides[0] : channels * pixels(); }
};

// y (batch, channels, points). Floating dtypes. Places may be anything, NaN too.
void grid_sample(const GridShape& s, Dtype dtype, const void* x, const void* grid, void* y);
// The gradient of the images, from g like y.
void grid_sample_input(const GridShape& s, Dtype dtype, const void* g, const void* grid, void* dx);
// The gradient of the places.
void grid_sample_grid(const GridShape& s, Dtype dtype, const void* g, const void* x,
                      const void* grid, void* dgrid);

}  // namespace wengert
