// A few short rows of windows, one window after another, where sorting rows for registers takes
// longer than that: always of a handful of windows, and sums of wider ones.
#pragma once

#include "wengert/kernels/pool/windows.h"

namespace wengert::pooling {

inline constexpr int64_t kNarrow = 4;      // windows of a row
inline constexpr int64_t kHandful = 64;    // taps of all windows
inline constexpr int64_t kSumTaps = 4096;  // where windows have more than 8

inline bool is_narrow(const Windows& w, int64_t taps) {
  return w.out[2] <= kNarrow && w.out_rows() * w.out[2] * w.taps() <= taps;
}

// The taps of a window along a dimension that lie within the input, and the place of tap 0.
struct Span {
  int64_t begin = 0, end = 0, start = 0;
  Span() = default;
  Span(const Windows& w, int d, int64_t o) : start(o * w.stride[d] - w.pad[d]) {
    const int64_t by = w.dilation[d], left = w.in[d] - start;
    begin = start >= 0 ? 0 : by == 1 ? -start : ceil_div(-start, by);
    end = std::min(w.kernel[d], by == 1 ? left : ceil_div(left, by));
  }
};

// f(row of windows, spans along w, each) for all rows; each(span along w, g) calls g(number of the
// tap, element) for the taps of a window within the input, in order.
template <class T, class F>
void for_narrow(const Windows& w, const T* x, const F& f) {
  Span along[kNarrow];
  for (int64_t o = 0; o < w.out[2]; ++o) along[o] = Span(w, 2, o);
  int64_t row = 0;
  for (int64_t plane = 0; plane < w.planes; ++plane, x += w.in[0] * w.in[1] * w.in[2])
    for (int64_t o0 = 0; o0 < w.out[0]; ++o0) {
      const Span s0(w, 0, o0);
      for (int64_t o1 = 0; o1 < w.out[1]; ++o1, ++row) {
        const Span s1(w, 1, o1);
        f(row, s0, s1, along, [&](const Span& s2, const auto& g) {
          for (int64_t a = s0.begin; a < s0.end; ++a)
            for (int64_t b = s1.begin; b < s1.end; ++b) {
              const int64_t j =
                  (s0.start + a * w.dilation[0]) * w.in[1] + s1.start + b * w.dilation[1];
              const T* from = x + j * w.in[2] + s2.start;
              const int64_t number = (a * w.kernel[1] + b) * w.kernel[2];
              for (int64_t c = s2.begin; c < s2.end; ++c) g(number + c, from[c * w.dilation[2]]);
            }
        });
      }
    }
}

}  // namespace wengert::pooling
