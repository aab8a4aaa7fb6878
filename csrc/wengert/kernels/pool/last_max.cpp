// Largest elements of windows, channels last.
#include <cmath>
#include <limits>

#include "wengert/kernels/pool/last_windows.h"

namespace wengert {
namespace {

using namespace pooling;

template <class T>
constexpr T lowest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}

// The elements of a window, with a number each that lanes of T hold exactly; `none` is that of a
// window without any.
template <class T>
struct Elements {
  List<const T*> at;
  List<int64_t> number;
  int64_t none = 0;
  void clear() {
    at.clear();
    number.clear();
  }
};
constexpr int64_t kExact = 1 << 24;

// y: the largest of each channel; number: theirs.
template <bool kVector, class T, class P>
void largest(const Elements<T>& e, int64_t channels, T* y, P* number) {
  using L = Channels<T, kVector>;
  using LP = std::conditional_t<kVector, Lanes<P, kVector>, Lanes<P, false>>;
  const auto first = static_cast<P>(e.at.empty() ? e.none : e.number[0]);
  for_channels<L::kSize>(channels, [&](auto registers, int64_t c, int64_t n) {
    constexpr int kN = decltype(registers)::value;
    typename L::V best[kN];
    typename LP::V at[kN];
    for (int k = 0; k < kN; ++k) {
      best[k] = L::all(lowest<T>());
      at[k] = LP::all(first);
    }
    for (size_t t = 0; t < e.at.size(); ++t)
      for (int k = 0; k < kN; ++k) {
        const auto x = L::load(e.at[t] + c + k * L::kSize, n);
        const auto larger = (x > best[k]) | (x != x);
        best[k] = select(larger, x, best[k]);
        at[k] = select(larger, LP::all(static_cast<P>(e.number[t])), at[k]);
      }
    for (int k = 0; k < kN; ++k) {
      L::store(best[k], y + c + k * L::kSize, n);
      LP::store(at[k], number + c + k * LP::kSize, n);
    }
  });
}

// collect(elements, row of pixels, pixel in it), then sink(pixel of all, row, pixel, numbers).
template <class T, bool kVector, class Collect, class Sink>
void each_largest(const LastWindows& w, int64_t work, const T* x, T* y, const Collect& collect,
                  const Sink& sink) {
  using P = std::conditional_t<kVector, T, int32_t>;
  const int64_t rows = w.samples() * w.out[0] * w.out[1];
  const int64_t sample = w.in[0] * w.in[1] * w.in[2] * w.channels;
  for_pixel_rows(rows, w.out[2] * work * w.channels, [&](int64_t r) {
    const PixelRow row(r, w.out);
    Elements<T> elements;
    const Scratch scratch(static_cast<size_t>(w.channels) * sizeof(P));
    for (int64_t o = 0; o < w.out[2]; ++o) {
      elements.clear();
      collect(elements, x + row.sample * sample, row, o);
      const int64_t pixel = r * w.out[2] + o;
      largest<kVector>(elements, w.channels, y + pixel * w.channels, scratch.as<P>());
      sink(pixel, row, o, scratch.as<const P>());
    }
  });
}

// The taps of window o of a row that are within the input, by their numbers in the window.
template <class T>
void collect_taps(const LastWindows& w, Elements<T>& e, const T* x, const PixelRow& row,
                  int64_t o) {
  int64_t start[3] = {row.at[0], row.at[1], o};
  for (int d = 0; d < 3; ++d) start[d] = start[d] * w.stride[d] - w.pad[d];
  bool any = false;
  e.none = 0;
  for (int64_t a = 0; a < w.kernel[0]; ++a) {
    const int64_t i = start[0] + a * w.dilation[0];
    if (i < 0 || i >= w.in[0]) continue;
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t j = start[1] + b * w.dilation[1], tap = (a * w.kernel[1] + b) * w.kernel[2];
      if (j < 0 || j >= w.in[1]) continue;
      if (!any) e.none = tap;
      any = true;
      const T* line = x + (i * w.in[1] + j) * w.in[2] * w.channels;
      for (int64_t c = 0; c < w.kernel[2]; ++c) {
        const int64_t k = start[2] + c * w.dilation[2];
        if (k < 0 || k >= w.in[2]) continue;
        e.at.push_back(line + k * w.channels);
        e.number.push_back(tap + c);
      }
    }
  }
  e.none += std::max<int64_t>(ceil_div(-start[2], w.dilation[2]), 0);
}

template <class T, class Sink>
void max_windows(const LastWindows& w, const T* x, T* y, const Sink& sink) {
  const auto collect = [&](Elements<T>& e, const T* from, const PixelRow& row, int64_t o) {
    collect_taps(w, e, from, row, o);
  };
  if constexpr (std::is_floating_point_v<T>)
    if (w.taps() <= kExact) return each_largest<T, true>(w, w.taps(), x, y, collect, sink);
  each_largest<T, false>(w, w.taps(), x, y, collect, sink);
}

// f(positions as they are held).
template <class F>
void with_positions(const Windows& w, const void* positions, const F& f) {
  if (w.taps() <= kByteTaps) return f(static_cast<const uint8_t*>(positions));
  f(static_cast<const int32_t*>(positions));
}

template <class T, class P>
Vec<T> as_lanes(const P* p, int64_t n) {
  constexpr int64_t kSize = Vec<T>::kSize;
  T lane[kSize];
  if (n >= kSize)
    for (int64_t i = 0; i < kSize; ++i) lane[i] = static_cast<T>(p[i]);
  else
    for (int64_t i = 0; i < kSize; ++i) lane[i] = i < n ? static_cast<T>(p[i]) : T(-1);
  return Vec<T>::load(lane);
}

// Each element is in one window.
template <class T, class P>
void gradient_of_parts(const LastWindows& w, const T* g, const P* positions, T* dx) {
  using L = Channels<T>;
  const List<int64_t> offsets = tap_offsets(w);
  for_parts(w, [&](int64_t window, int64_t pixel) {
    for_channels<L::kSize>(w.channels, [&](auto registers, int64_t c, int64_t n) {
      constexpr int kN = decltype(registers)::value;
      Vec<T> at[kN], from[kN];
      for (int k = 0; k < kN; ++k) {
        const int64_t i = window * w.channels + c + k * L::kSize;
        at[k] = as_lanes<T>(positions + i, n);
        from[k] = L::load(g + i, n);
      }
      for (size_t t = 0; t < offsets.size(); ++t) {
        const Vec<T> tap = Vec<T>::repeat(static_cast<T>(t));
        T* to = dx + (pixel + offsets[t]) * w.channels + c;
        for (int k = 0; k < kN; ++k)
          L::store(select(at[k] == tap, from[k], 0.0), to + k * L::kSize, n);
      }
    });
  });
}

template <class T, class P>
void gradient(const LastWindows& w, const T* g, const P* positions, T* dx) {
  using L = Channels<T>;
  if (are_parts(w)) return gradient_of_parts(w, g, positions, dx);
  for_seen(w, dx, [&](T* to, const List<SeenWindow>& windows) {
    for_channels<L::kSize>(w.channels, [&](auto registers, int64_t c, int64_t n) {
      constexpr int kN = decltype(registers)::value;
      Vec<T> sum[kN];
      for (int k = 0; k < kN; ++k) sum[k] = Vec<T>(0.0);
      for (const SeenWindow& s : windows) {
        const Vec<T> tap = Vec<T>::repeat(static_cast<T>(s.tap));
        for (int k = 0; k < kN; ++k) {
          const int64_t at = s.pixel * w.channels + c + k * L::kSize;
          sum[k] = sum[k] + select(as_lanes<T>(positions + at, n) == tap, L::load(g + at, n), 0.0);
        }
      }
      for (int k = 0; k < kN; ++k) L::store(sum[k], to + c + k * L::kSize, n);
    });
  });
}

// Where tap `tap` of window o of a row lies in its plane, if it is one at all.
int64_t place_of(const LastWindows& w, const PixelRow& row, int64_t o, int64_t tap) {
  const int64_t k[3] = {tap / w.kernel[2] / w.kernel[1], tap / w.kernel[2] % w.kernel[1],
                        tap % w.kernel[2]};
  const int64_t window[3] = {row.at[0], row.at[1], o};
  int64_t place = 0;
  for (int d = 0; d < 3; ++d)
    place = place * w.in[d] + window[d] * w.stride[d] - w.pad[d] + k[d] * w.dilation[d];
  return place;
}

// The elements of a window that divides a plane, by their places in it.
template <class T>
void collect_part(const LastWindows& w, Elements<T>& e, const T* x, const PixelRow& row,
                  int64_t o) {
  int64_t begin[3] = {row.at[0], row.at[1], o}, end[3];
  for (int d = 0; d < 3; ++d) {
    end[d] = ceil_div((begin[d] + 1) * w.in[d], w.out[d]);
    begin[d] = begin[d] * w.in[d] / w.out[d];
  }
  for (int64_t a = begin[0]; a < end[0]; ++a)
    for (int64_t b = begin[1]; b < end[1]; ++b)
      for (int64_t c = begin[2]; c < end[2]; ++c) {
        const int64_t place = (a * w.in[1] + b) * w.in[2] + c;
        e.at.push_back(x + place * w.channels);
        e.number.push_back(place);
      }
}

}  // namespace

void max_pool_last(const LastWindows& w, Dtype dtype, const void* x, void* y, void* positions) {
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    with_positions(w, positions, [&](const auto* p) {
      using P = std::remove_const_t<std::remove_pointer_t<decltype(p)>>;
      max_windows(w, static_cast<const T*>(x), static_cast<T*>(y),
                  [&](int64_t pixel, const PixelRow&, int64_t, const auto* number) {
                    P* to = static_cast<P*>(positions) + pixel * w.channels;
                    for (int64_t c = 0; c < w.channels; ++c) to[c] = static_cast<P>(number[c]);
                  });
    });
  });
}

void max_pool_indices_last(const LastWindows& w, Dtype dtype, const void* x, void* y,
                           int64_t* indices) {
  const List<int64_t> offsets = tap_offsets(w);
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    max_windows(w, static_cast<const T*>(x), static_cast<T*>(y),
                [&](int64_t pixel, const PixelRow& row, int64_t o, const auto* number) {
                  int64_t* __restrict to = indices + pixel * w.channels;
                  const int64_t* __restrict offset = offsets.data();
                  const int64_t at = place_of(w, row, o, 0);
                  for (int64_t c = 0; c < w.channels; ++c)
                    to[c] = at + offset[static_cast<size_t>(number[c])];
                });
  });
}

void max_pool_backward_last(const LastWindows& w, Dtype dtype, const void* g, const void* positions,
                            void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    with_positions(w, positions, [&](const auto* p) {
      gradient(w, static_cast<const T*>(g), p, static_cast<T*>(dx));
    });
  });
}

void pool_take_last(const LastWindows& w, Dtype dtype, const void* x, const void* positions,
                    void* y) {
  const int64_t plane = w.in[0] * w.in[1] * w.in[2];
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    with_positions(w, positions, [&](const auto* p) {
      for_pixel_rows(w.samples() * w.out[0] * w.out[1], 4 * w.out[2] * w.channels, [&](int64_t r) {
        const PixelRow row(r, w.out);
        const T* from = static_cast<const T*>(x) + row.sample * plane * w.channels;
        for (int64_t o = 0; o < w.out[2]; ++o)
          for (int64_t c = 0; c < w.channels; ++c) {
            const int64_t at = (r * w.out[2] + o) * w.channels + c;
            // What no pooling gives is a place like any other, within the plane.
            const auto tap = static_cast<int64_t>(p[at]);
            const int64_t place = tap >= 0 && tap < w.taps() ? place_of(w, row, o, tap) : 0;
            static_cast<T*>(y)[at] =
                from[std::clamp<int64_t>(place, 0, plane - 1) * w.channels + c];
          }
      });
    });
  });
}

void adaptive_max_pool_last(const LastWindows& w, Dtype dtype, const void* x, void* y,
                            int64_t* indices) {
  const int64_t plane = w.in[0] * w.in[1] * w.in[2];
  const int64_t work = plane / (w.out[0] * w.out[1] * w.out[2]) + 1;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto collect = [&](Elements<T>& e, const T* from, const PixelRow& row, int64_t o) {
      collect_part(w, e, from, row, o);
    };
    const auto sink = [&](int64_t pixel, const PixelRow&, int64_t, const auto* number) {
      for (int64_t c = 0; c < w.channels; ++c)
        indices[pixel * w.channels + c] = static_cast<int64_t>(number[c]);
    };
    const T* from = static_cast<const T*>(x);
    plane <= kExact ? each_largest<T, true>(w, work, from, static_cast<T*>(y), collect, sink)
                    : each_largest<T, false>(w, work, from, static_cast<T*>(y), collect, sink);
  });
}

}  // namespace wengert
