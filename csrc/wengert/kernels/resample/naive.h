// What the kernels of this folder compute, in plain loops.
#pragma once

#include <cmath>
#include <vector>

#include "wengert/kernels/resample/resample.h"

namespace wengert::naive {

// The weights of all inputs of an axis in output i.
inline std::vector<double> weights(const ResampleAxis& a, Resampling how, bool align, int64_t i) {
  using enum Resampling;
  std::vector<double> w(static_cast<size_t>(a.in), 0.0);
  const auto add = [&](double at, double by) {
    w[static_cast<size_t>(std::clamp<double>(at, 0, static_cast<double>(a.in - 1)))] += by;
  };
  const bool smooth = how >= kSmoothLinear;
  if (a.in == a.out) {
    add(static_cast<double>(i), 1);
    return w;
  }
  const double in = static_cast<double>(a.in), out = static_cast<double>(a.out);
  const double x = static_cast<double>(i);
  const double step = align         ? (a.out > 1 ? (in - 1) / (out - 1) : 0)
                      : a.scale > 0 ? 1 / a.scale
                                    : in / out;
  const double at = align && !smooth ? step * x : step * (x + 0.5) - 0.5;
  const auto cubic = [](double d, double b) {
    d = std::abs(d);
    if (d < 1) return (b + 2) * d * d * d - (b + 3) * d * d + 1;
    return d < 2 ? b * d * d * d - 5 * b * d * d + 8 * b * d - 4 * b : 0;
  };
  if (how == kNearest) {
    add(std::floor(x * step), 1);
  } else if (how == kNearestExact) {
    add(std::floor((x + 0.5) * step), 1);
  } else if (how == kLinear) {
    const double p = std::max(at, 0.0), low = std::floor(p);
    add(low, 1 - (p - low));
    add(low + 1, p - low);
  } else if (how == kCubic) {
    const double low = std::floor(at);
    for (int k = -1; k < 3; ++k) add(low + k, cubic(at - low - k, -0.75));
  } else if (how == kArea) {
    const int64_t from = i * a.in / a.out, to = ((i + 1) * a.in + a.out - 1) / a.out;
    for (int64_t j = from; j < to; ++j)
      add(static_cast<double>(j), 1 / static_cast<double>(to - from));
  } else {
    double total = 0;
    const double wide = std::max(step, 1.0);
    for (int64_t j = 0; j < a.in; ++j) {
      const double d = std::abs(static_cast<double>(j) - at) / wide, p = M_PI * d;
      const double v = how == kSmoothLinear  ? std::max(0.0, 1 - d)
                       : how == kSmoothCubic ? cubic(d, -0.5)
                       : d >= 3              ? 0
                       : d == 0              ? 1
                                             : 3 * std::sin(p) * std::sin(p / 3) / (p * p);
      w[static_cast<size_t>(j)] = v;
      total += v;
    }
    for (double& v : w) v /= total;
  }
  return w;
}

// y += W x, or dx += W' g, for all planes.
template <class T>
void resample(const ResampleShape& s, const T* x, T* y, bool backward) {
  const auto& [d, h, w] = s.axes;
  const auto table = [&](const ResampleAxis& a) {
    std::vector<std::vector<double>> all;
    for (int64_t i = 0; i < a.out; ++i) all.push_back(weights(a, s.how, s.align_corners, i));
    return all;
  };
  const auto wd = table(d), wh = table(h), ww = table(w);
  const auto at = [](int64_t i) { return static_cast<size_t>(i); };
  const int64_t results = s.planes * (backward ? d.in * h.in * w.in : d.out * h.out * w.out);
  std::vector<double> sums(at(results), 0.0);
  for (int64_t p = 0; p < s.planes; ++p)
    for (int64_t i = 0; i < d.out * h.out * w.out; ++i)
      for (int64_t j = 0; j < d.in * h.in * w.in; ++j) {
        const double by = wd[at(i / (h.out * w.out))][at(j / (h.in * w.in))] *
                          wh[at(i / w.out % h.out)][at(j / w.in % h.in)] *
                          ww[at(i % w.out)][at(j % w.in)];
        const int64_t outer = p * d.out * h.out * w.out + i, inner = p * d.in * h.in * w.in + j;
        if (by == 0) continue;
        if (backward)
          sums[at(inner)] += by * static_cast<double>(x[outer]);
        else
          sums[at(outer)] += by * static_cast<double>(x[inner]);
      }
  for (int64_t i = 0; i < results; ++i) y[i] = static_cast<T>(sums[at(i)]);
}

}  // namespace wengert::naive
