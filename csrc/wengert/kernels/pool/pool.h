// Pooling, padding and columns: what windows that slide over planes see. All memory is contiguous,
// a plane (d, h, w) behind the other; with fewer dimensions the first sizes are 1.
#pragma once

#include "wengert/base/dtype.h"
#include "wengert/base/shape.h"

namespace wengert {

// Along dimension d, tap k of window o is position o * stride - pad + k * dilation of the input.
struct Windows {
  int64_t planes = 1;
  int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, kernel[3] = {1, 1, 1};
  int64_t stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t in_rows() const { return planes * in[0] * in[1]; }
  int64_t out_rows() const { return planes * out[0] * out[1]; }
  int64_t reach(int d) const { return (kernel[d] - 1) * dilation[d] + 1; }
};

// Taps are counted in row-major order; a byte holds the number of one if there are no more.
inline constexpr int64_t kByteTaps = 256;
inline Dtype position_dtype(int64_t taps) {
  return taps <= kByteTaps ? Dtype::kUInt8 : Dtype::kInt32;
}

// y: the largest element of each window, the last NaN if there is one. Of equal ones the first.
// Where it lies: the number of its tap, in position_dtype(taps).
void max_pool(const Windows& w, Dtype dtype, const void* x, void* y, void* positions);
// As that without positions, of floating numbers and windows along the last dimension alone.
void max_pool_rows(const Windows& w, Dtype dtype, const void* x, void* y);
// Where it lies in its plane.
void max_pool_indices(const Windows& w, Dtype dtype, const void* x, void* y, int64_t* indices);
// dx_i = sum of g over the windows whose largest element is i.
void max_pool_backward(const Windows& w, Dtype dtype, const void* g, const void* positions,
                       void* dx);
// y: the element of each window at its position.
void pool_take(const Windows& w, Dtype dtype, const void* x, const void* positions, void* y);

// What the sum over a window is divided by: the positions it has, those in the padding too or not,
// or a number that is given, if it is not 0.
struct Divisor {
  bool include_pad = true;
  int64_t fixed = 0;
};
void avg_pool(const Windows& w, const Divisor& by, Dtype dtype, const void* x, void* y);
void avg_pool_backward(const Windows& w, const Divisor& by, Dtype dtype, const void* g, void* dx);

// y[plane, tap, window]: the elements of each window, 0 in the padding; and its transpose.
void unfold(const Windows& w, Dtype dtype, const void* x, void* y);
void fold(const Windows& w, Dtype dtype, const void* x, void* y);

// Windows from floor(i in / out) to ceil((i + 1) in / out): as many as wanted, which cover all.
void adaptive_avg_pool(const Windows& w, Dtype dtype, const void* x, void* y);
void adaptive_avg_pool_backward(const Windows& w, Dtype dtype, const void* g, void* dx);
void adaptive_max_pool(const Windows& w, Dtype dtype, const void* x, void* y, int64_t* indices);

// ---- padding: y_i = x_j(i), dimension by dimension

// As many positions before the first; negative numbers cut off.
void pad_constant(const Dims& in, const Dims& out, const Dims& before, int64_t item_size,
                  const void* x, const void* value, void* y);

enum class PadMode : int64_t { kConstant, kReflect, kReplicate, kCircular };
// Where position i of a padded dimension comes from; n is its size before.
inline int64_t pad_source(PadMode mode, int64_t i, int64_t before, int64_t n) {
  const int64_t j = i - before;
  if (mode == PadMode::kReplicate) return std::clamp<int64_t>(j, 0, n - 1);
  if (mode == PadMode::kReflect) return j < 0 ? -j : j >= n ? 2 * (n - 1) - j : j;
  return j < 0 ? j + n : j >= n ? j - n : j;
}
void pad_mode(PadMode mode, const Dims& in, const Dims& out, const Dims& before, int64_t item_size,
              const void* x, void* y);
// dx_j = sum of g_i with j(i) = j
void pad_mode_backward(PadMode mode, const Dims& in, const Dims& out, const Dims& before,
                       Dtype dtype, const void* g, void* dx);

}  // namespace wengert
