// The neighbours of computed places in images, and what each of them weighs.
#pragma once

#include <cstring>

#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/resample/grid_sample.h"

namespace wengert::places {

inline constexpr int64_t kBlock = 64;  // places whose weights are worked out together
inline constexpr int kMost = 16;       // neighbours of a place

// A pixel's number along an axis from a coordinate, and its derivative.
template <class V>
struct Place {
  V at, slope;
};

template <class V>
inline Place<V> pixel(V x, int64_t size, bool align) {
  const double n = static_cast<double>(size);
  if (align) return {(x + 1.0) * 0.5 * (n - 1), V((n - 1) / 2)};
  return {((x + 1.0) * n - 1.0) * 0.5, V(n / 2)};
}

// Back into the image, by the ends of the axis or a reflection there. A place that is no number
// becomes the first pixel.
template <class V>
inline Place<V> padded(Place<V> p, int64_t size, GridPadding padding, bool align) {
  if (padding == GridPadding::kZeros) return p;
  if (padding == GridPadding::kReflection) {
    const double low = align ? 0 : -0.5, span = static_cast<double>(align ? size - 1 : size);
    if (span == 0) return {V(0.0), V(0.0)};
    const V x = p.at - low, far = abs(x);
    const V rest = far - trunc(far / (2 * span)) * (2 * span);
    const auto back = rest > span;
    p.slope = select(x < 0.0, -p.slope, p.slope);
    p = {select(back, 2 * span - rest, rest) + low, select(back, -p.slope, p.slope)};
  }
  const V last(static_cast<double>(size - 1));
  const auto before = p.at > 0.0, behind = p.at < last;
  return {select(before, select(behind, p.at, last), 0.0), select(before & behind, p.slope, 0.0)};
}

// The neighbours of a block of places along one axis: neighbour k of place i at [k][i]. A pixel
// outside the image is -1.
template <class T>
struct Axis {
  using V = Vec<T>;
  int count = 0;
  int32_t index[4][kBlock];
  T weight[4][kBlock], slope[4][kBlock];

  void find(const GridShape& s, int d, const T* coordinate, int64_t n) {
    const bool cubic = s.mode == GridMode::kCubic, nearest = s.mode == GridMode::kNearest;
    size_ = s.in[d];
    count = nearest ? 1 : cubic ? 4 : 2;
    T low[kBlock];
    for (int64_t i = 0; i < n; i += V::kSize) {
      Place<V> p = pixel(V::load(coordinate + i), size_, s.align_corners);
      if (!cubic) p = padded(p, size_, s.padding, s.align_corners);
      const V first = nearest ? round_half_even(p.at) : floor(p.at), t = p.at - first;
      within(first).store(low + i);
      if (nearest)
        set(0, i, V(1.0), V(0.0));
      else if (!cubic)
        linear(i, t, p.slope);
      else
        keys(s, i, first, t, p.slope);
    }
    if (cubic && s.padding != GridPadding::kZeros) return;
    for (int k = 0; k < count; ++k)
      for (int64_t i = 0; i < n; ++i)
        index[k][i] = inside(static_cast<int32_t>(low[i]) + k - (cubic ? 1 : 0));
  }

 private:
  // Far outside there is nothing either.
  V within(V at) const {
    return select((at >= -4.0) & (at <= static_cast<double>(size_)), at, -8.0);
  }
  int32_t inside(int32_t j) const { return j >= 0 && j < static_cast<int32_t>(size_) ? j : -1; }
  void set(int k, int64_t i, V w, V s) {
    w.store(weight[k] + i);
    s.store(slope[k] + i);
  }
  void linear(int64_t i, V t, V s) {
    set(0, i, 1.0 - t, -s);
    set(1, i, t, s);
  }
  // R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
  void keys(const GridShape& s, int64_t i, V first, V t, V scale) {
    constexpr double a = -0.75;
    for (int k = -1; k < 3; ++k) {
      const double sign = k > 0 ? -1 : 1;
      const V x = (t - static_cast<double>(k)) * sign;
      const bool inner = k == 0 || k == 1;
      const V w =
          inner ? ((a + 2) * x - (a + 3)) * x * x + 1.0 : (((x - 5.0) * x + 8.0) * x - 4.0) * a;
      const V dw = inner ? (3 * (a + 2) * x - 2 * (a + 3)) * x : ((3.0 * x - 10.0) * x + 8.0) * a;
      set(k + 1, i, w, dw * sign * scale);
      if (s.padding == GridPadding::kZeros) continue;
      T at[V::kSize];
      const Place<V> place{first + static_cast<double>(k), V(1.0)};
      padded(place, size_, s.padding, s.align_corners).at.store(at);
      for (int64_t j = 0; j < V::kSize; ++j) index[k + 1][i + j] = static_cast<int32_t>(at[j]);
    }
  }

  int64_t size_ = 0;
};

// All neighbours of up to kBlock places: neighbour k of place i at [k][i], for whole registers.
template <class T>
struct Block {
  using V = Vec<T>;
  int count = 0;                  // neighbours of each
  int32_t offset[kMost][kBlock];  // in the image; negative outside
  T weight[kMost][kBlock];

  // `grid`: n places of s.dims coordinates.
  void find(const GridShape& s, const T* grid, int64_t n) {
    const int64_t all = (n + V::kSize - 1) / V::kSize * V::kSize;
    for (int d = 0; d < s.dims; ++d) {
      T coordinate[kBlock];
      if (s.dims == 2)
        for (int64_t i = 0; i < n; ++i) coordinate[i] = grid[2 * i + d];
      else
        for (int64_t i = 0; i < n; ++i) coordinate[i] = grid[3 * i + d];
      for (int64_t i = n; i < all; ++i) coordinate[i] = 0;
      axis[d].find(s, d, coordinate, all);
    }
    count = 0;
    for (int c = 0; c < (s.dims == 3 ? axis[2].count : 1); ++c)
      for (int b = 0; b < axis[1].count; ++b)
        for (int a = 0; a < axis[0].count; ++a, ++count)
          s.dims == 3 ? deep(s, a, b, c, all) : flat(s, a, b, all);
  }

  // The derivatives of the weight of neighbour k at places i by the coordinates.
  void slopes(const GridShape& s, int k, int64_t i, V* out) const {
    const int n = axis[0].count, number[3] = {k % n, k / n % n, k / n / n};
    for (int d = 0; d < s.dims; ++d) {
      V product(1.0);
      for (int e = 0; e < s.dims; ++e) {
        const auto& factor = d == e ? axis[e].slope : axis[e].weight;
        product = product * V::load(factor[number[e]] + i);
      }
      out[d] = product;
    }
  }

 private:
  void flat(const GridShape& s, int a, int b, int64_t n) {
    const auto step = static_cast<int32_t>(s.pixel_step(0));
    const auto row = static_cast<int32_t>(s.pixel_step(1));
    const int32_t *x = axis[0].index[a], *y = axis[1].index[b];
    const T *p = axis[0].weight[a], *q = axis[1].weight[b];
    for (int64_t i = 0; i < n; ++i)
      offset[count][i] = (x[i] | y[i]) < 0 ? -1 : y[i] * row + x[i] * step;
    for (int64_t i = 0; i < n; ++i) weight[count][i] = p[i] * q[i];
  }
  // As in PyTorch, of volumes nothing comes from outside, whatever it would weigh.
  void deep(const GridShape& s, int a, int b, int c, int64_t n) {
    const auto step = static_cast<int32_t>(s.pixel_step(0));
    const auto row = static_cast<int32_t>(s.pixel_step(1));
    const auto slice = static_cast<int32_t>(s.pixel_step(2));
    for (int64_t i = 0; i < n; ++i) {
      const int32_t x = axis[0].index[a][i], y = axis[1].index[b][i], z = axis[2].index[c][i];
      const T w = axis[0].weight[a][i] * axis[1].weight[b][i] * axis[2].weight[c][i];
      offset[count][i] = (x | y | z) < 0 ? -1 : z * slice + y * row + x * step;
      weight[count][i] = (x | y | z) < 0 ? T(0) : w;
    }
  }

  Axis<T> axis[3];
};

}  // namespace wengert::places
