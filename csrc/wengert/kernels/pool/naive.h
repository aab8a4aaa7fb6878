// What pooling computes, in plain loops; for tests.
#pragma once

#include <cmath>
#include <limits>

#include "wengert/kernels/pool/pool.h"

namespace wengert::naive {

// f(window, tap, element), counted through all planes; element is -1 in the padding.
template <class F>
void each_tap(const Windows& w, const F& f) {
  int64_t window = 0;
  for (int64_t p = 0; p < w.planes; ++p)
    for (int64_t a = 0; a < w.out[0]; ++a)
      for (int64_t b = 0; b < w.out[1]; ++b)
        for (int64_t c = 0; c < w.out[2]; ++c, ++window)
          for (int64_t t = 0; t < w.taps(); ++t) {
            const int64_t out[3] = {a, b, c};
            const int64_t tap[3] = {t / w.kernel[2] / w.kernel[1], t / w.kernel[2] % w.kernel[1],
                                    t % w.kernel[2]};
            int64_t at = p;
            bool inside = true;
            for (int d = 0; d < 3; ++d) {
              const int64_t i = out[d] * w.stride[d] - w.pad[d] + tap[d] * w.dilation[d];
              inside &= i >= 0 && i < w.in[d];
              at = at * w.in[d] + i;
            }
            f(window, t, inside ? at : int64_t{-1});
          }
}

// The values, and the elements that they are.
template <class T>
void max_pool(const Windows& w, const T* x, T* y, int64_t* element, int64_t* tap) {
  const int64_t windows = w.out_rows() * w.out[2];
  for (int64_t i = 0; i < windows; ++i) element[i] = -1;
  each_tap(w, [&](int64_t window, int64_t t, int64_t at) {
    if (at < 0) return;
    const bool first = element[window] < 0;
    if (!first && !(x[at] > y[window]) && x[at] == x[at]) return;
    y[window] = x[at];
    element[window] = at;
    tap[window] = t;
  });
}

template <class T>
void sums(const Windows& w, const T* x, T* y) {
  for (int64_t i = 0; i < w.out_rows() * w.out[2]; ++i) y[i] = 0;
  each_tap(w, [&](int64_t window, int64_t, int64_t at) {
    if (at >= 0) y[window] += x[at];
  });
}

// The parts of a dimension that adaptive pooling divides it into; f(window, element).
template <class F>
void each_part(const Windows& w, const F& f) {
  const auto begin = [&](int d, int64_t i) { return i * w.in[d] / w.out[d]; };
  const auto end = [&](int d, int64_t i) { return ((i + 1) * w.in[d] - 1) / w.out[d] + 1; };
  int64_t window = 0;
  for (int64_t p = 0; p < w.planes; ++p)
    for (int64_t a = 0; a < w.out[0]; ++a)
      for (int64_t b = 0; b < w.out[1]; ++b)
        for (int64_t c = 0; c < w.out[2]; ++c, ++window)
          for (int64_t i = begin(0, a); i < end(0, a); ++i)
            for (int64_t j = begin(1, b); j < end(1, b); ++j)
              for (int64_t k = begin(2, c); k < end(2, c); ++k)
                f(window, ((p * w.in[0] + i) * w.in[1] + j) * w.in[2] + k);
}

// Windows that begin where begin(plane, dimension, window) says; f(window, element), in order.
template <class Begin, class F>
void each_begun(const Windows& w, const Begin& begin, const F& f) {
  int64_t window = 0;
  for (int64_t p = 0; p < w.planes; ++p)
    for (int64_t a = 0; a < w.out[0]; ++a)
      for (int64_t b = 0; b < w.out[1]; ++b)
        for (int64_t c = 0; c < w.out[2]; ++c, ++window)
          for (int64_t t = 0; t < w.taps(); ++t) {
            const int64_t i = begin(p, 0, a) + t / w.kernel[2] / w.kernel[1];
            const int64_t j = begin(p, 1, b) + t / w.kernel[2] % w.kernel[1];
            const int64_t k = begin(p, 2, c) + t % w.kernel[2];
            f(window, ((p * w.in[0] + i) * w.in[1] + j) * w.in[2] + k);
          }
}

}  // namespace wengert::naive
