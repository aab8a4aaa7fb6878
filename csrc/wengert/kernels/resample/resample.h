// Images of another size: each axis by a short weighted sum of neighbours, one axis after another.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// The three last widen the window of the sum where an image shrinks, against aliasing.
enum class Resampling : int64_t {
  kNearest,
  kNearestExact,
  kLinear,
  kCubic,
  kArea,
  kSmoothLinear,
  kSmoothCubic,
  kSmoothLanczos,
};
inline constexpr int kResamplings = 8;

struct ResampleAxis {
  int64_t in = 1, out = 1;
  double scale = 0;  // outputs per input, where it is not what the sizes say
};

// Contiguous planes of depth, height and width. Where channels come last in memory, `planes` are
// images whose pixels have `channels` numbers each.
struct ResampleShape {
  int64_t planes = 1;
  ResampleAxis axes[3];
  Resampling how = Resampling::kNearest;
  bool align_corners = false;
  int64_t channels = 1;
};

// Floating dtypes, and uint8 for the nearest.
void resample(const ResampleShape& s, Dtype dtype, const void* x, void* y);
// The transposed sum: from planes of the size `out` to planes of the size `in`. Floating dtypes.
void resample_backward(const ResampleShape& s, Dtype dtype, const void* g, void* dx);

}  // namespace wengert
