// Images at computed places, in plain loops; for tests.
#pragma once

#include <cmath>
#include <vector>

#include "wengert/kernels/resample/grid_sample.h"

namespace wengert::naive {

// A neighbour along one axis: its pixel, or -1 outside; its weight, and that one's derivative by
// the coordinate.
struct Neighbour {
  int64_t pixel;
  double weight, slope;
};

// The pixel's number that padding makes of one, and +1, -1 or 0: how it follows the other.
inline std::pair<double, double> brought_back(double at, int64_t size, GridPadding padding,
                                              bool align) {
  if (padding == GridPadding::kZeros) return {at, 1};
  double sign = 1;
  if (padding == GridPadding::kReflection) {
    const double low = align ? 0 : -0.5, high = static_cast<double>(size - 1) - low;
    if (low == high) return {0, 0};
    while (at < low || at > high) {
      at = at < low ? 2 * low - at : 2 * high - at;
      sign = -sign;
    }
  }
  const double last = static_cast<double>(size - 1);
  if (at > 0 && at < last) return {at, sign};
  return {at > 0 ? last : 0, 0};
}

inline std::vector<Neighbour> neighbours(const GridShape& s, int d, double coordinate) {
  const double n = static_cast<double>(s.in[d]);
  const double scale = s.align_corners ? (n - 1) / 2 : n / 2;
  double at = s.align_corners ? (coordinate + 1) * scale : (coordinate + 1) * scale - 0.5;
  double follows = scale;
  std::vector<Neighbour> all;
  const auto add = [&](double pixel, double weight, double slope) {
    const bool in = pixel >= 0 && pixel < n;
    all.push_back({in ? static_cast<int64_t>(pixel) : -1, weight, slope * follows});
  };
  if (s.mode == GridMode::kCubic) {
    const double low = std::floor(at), b = -0.75;
    for (int k = -1; k < 3; ++k) {
      const double t = at - low - k, x = std::abs(t), sign = t < 0 ? -1 : 1;
      const double w = x < 1 ? (b + 2) * x * x * x - (b + 3) * x * x + 1
                             : b * x * x * x - 5 * b * x * x + 8 * b * x - 4 * b;
      const double dw =
          x < 1 ? 3 * (b + 2) * x * x - 2 * (b + 3) * x : 3 * b * x * x - 10 * b * x + 8 * b;
      add(brought_back(low + k, s.in[d], s.padding, s.align_corners).first, w, sign * dw);
    }
    return all;
  }
  const auto [inner, sign] = brought_back(at, s.in[d], s.padding, s.align_corners);
  follows *= sign;
  const double low = std::floor(inner);
  if (s.mode == GridMode::kNearest) {
    add(std::nearbyint(inner), 1, 0);
  } else {
    add(low, 1 - (inner - low), -1);
    add(low + 1, inner - low, 1);
  }
  return all;
}

// f(image, place, pixel in its plane, weight, its derivatives by the coordinates) of all neighbours
// that are in the image.
template <class T, class F>
void each_neighbour(const GridShape& s, const T* grid, const F& f) {
  for (int64_t image = 0; image < s.batch; ++image)
    for (int64_t p = 0; p < s.points; ++p) {
      std::vector<Neighbour> axis[3];
      for (int d = 0; d < 3; ++d)
        axis[d] = d < s.dims ? neighbours(s, d, grid[(image * s.points + p) * s.dims + d])
                             : std::vector<Neighbour>{{0, 1, 0}};
      for (const Neighbour& z : axis[2])
        for (const Neighbour& y : axis[1])
          for (const Neighbour& x : axis[0]) {
            if (x.pixel < 0 || y.pixel < 0 || z.pixel < 0) continue;
            const double slope[3] = {x.slope * y.weight * z.weight, x.weight * y.slope * z.weight,
                                     x.weight * y.weight * z.slope};
            f(image, p, (z.pixel * s.in[1] + y.pixel) * s.in[0] + x.pixel,
              x.weight * y.weight * z.weight, slope);
          }
    }
}

// y, dx from g, or dgrid from g, of zeros.
template <class T>
void grid_sample(const GridShape& s, const T* x, const T* grid, double* y) {
  each_neighbour(s, grid, [&](int64_t image, int64_t p, int64_t pixel, double weight, auto&&) {
    for (int64_t c = image * s.channels; c < (image + 1) * s.channels; ++c)
      y[c * s.points + p] += weight * static_cast<double>(x[c * s.pixels() + pixel]);
  });
}
template <class T>
void grid_sample_input(const GridShape& s, const T* g, const T* grid, double* dx) {
  each_neighbour(s, grid, [&](int64_t image, int64_t p, int64_t pixel, double weight, auto&&) {
    for (int64_t c = image * s.channels; c < (image + 1) * s.channels; ++c)
      dx[c * s.pixels() + pixel] += weight * static_cast<double>(g[c * s.points + p]);
  });
}
template <class T>
void grid_sample_grid(const GridShape& s, const T* g, const T* x, const T* grid, double* dgrid) {
  each_neighbour(s, grid,
                 [&](int64_t image, int64_t p, int64_t pixel, double, const double* slope) {
                   for (int64_t c = image * s.channels; c < (image + 1) * s.channels; ++c)
                     for (int d = 0; d < s.dims; ++d)
                       dgrid[(image * s.points + p) * s.dims + d] +=
                           slope[d] * static_cast<double>(g[c * s.points + p]) *
                           static_cast<double>(x[c * s.pixels() + pixel]);
                 });
}

}  // namespace wengert::naive
