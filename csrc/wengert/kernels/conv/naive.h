// What convolutions compute, in plain loops; for integers it is what runs.
#pragma once

#include <algorithm>
#include <type_traits>

#include "wengert/kernels/conv/conv.h"

namespace wengert::naive {

// The positions p of the output in dimension d at which tap k lies within x.
struct Span {
  Span(const ConvShape& s, int d, int64_t k) {
    const int64_t before = s.pad[d] - k * s.dilation[d], last = s.in[d] - 1 + before;
    begin = before > 0 ? (before + s.stride[d] - 1) / s.stride[d] : 0;
    end = last < 0 ? 0 : std::min(s.out[d], last / s.stride[d] + 1);
  }
  int64_t begin, end;
};

// Elements some steps apart.
struct Run {
  int64_t begin, step;
  int64_t operator[](int64_t i) const { return begin + i * step; }
};

// f(x, w, y, n) for n products of x[i] and w that are added to y[i]: tap by tap, along the rows of
// y. All are positions.
template <class F>
void each_product(const ConvShape& s, const F& f) {
  const ImageLayout of_x = s.x_layout(), of_w = s.w_layout(), of_y = s.y_layout();
  const auto along = [](const int64_t(&n)[3], int64_t i, int64_t j) {
    return (i * n[1] + j) * n[2];
  };
  const auto row = [&](int64_t x, int64_t w, int64_t y, int64_t k) {
    const Span span(s, 2, k);
    const int64_t first = k * s.dilation[2] - s.pad[2];
    f(Run{x + (first + span.begin * s.stride[2]) * of_x.position, s.stride[2] * of_x.position}, w,
      Run{y + span.begin * of_y.position, of_y.position}, span.end - span.begin);
  };
  const auto taps = [&](int64_t x, int64_t w, int64_t y) {
    for (int64_t i = 0; i < s.kernel[0]; ++i)
      for (int64_t j = 0; j < s.kernel[1]; ++j) {
        const Span deep(s, 0, i), down(s, 1, j);
        for (int64_t p = deep.begin; p < deep.end; ++p)
          for (int64_t q = down.begin; q < down.end; ++q)
            for (int64_t k = 0; k < s.kernel[2]; ++k)
              row(x + along(s.in, p * s.stride[0] - s.pad[0] + i * s.dilation[0],
                            q * s.stride[1] - s.pad[1] + j * s.dilation[1]) *
                          of_x.position,
                  w + (along(s.kernel, i, j) + k) * of_w.position,
                  y + along(s.out, p, q) * of_y.position, k);
      }
  };
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t g = 0; g < s.groups; ++g)
      for (int64_t o = 0; o < s.outputs; ++o)
        for (int64_t c = 0; c < s.channels; ++c) {
          const int64_t output = g * s.outputs + o, channel = g * s.channels + c;
          taps(n * s.groups * s.channels * s.volume(s.in) + channel * of_x.channel,
               output * s.channels * s.volume(s.kernel) + c * of_w.channel,
               n * s.groups * s.outputs * s.volume(s.out) + output * of_y.channel);
        }
}

// Integers are computed with as unsigned ones, which wrap around.
template <class T>
using Wrapping = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;

// to[i] += from[i] by
template <class T>
void add_products(T* __restrict to, const Run& at, const T* __restrict from, const Run& of, T by,
                  int64_t n) {
  using W = Wrapping<T>;
  const auto factor = static_cast<W>(by);
  const auto add = [&](int64_t i, int64_t j) {
    to[i] = static_cast<T>(static_cast<W>(to[i]) + static_cast<W>(from[j]) * factor);
  };
  if (at.step == 1 && of.step == 1) {
    for (int64_t i = 0; i < n; ++i) add(at.begin + i, of.begin + i);
  } else {
    for (int64_t i = 0; i < n; ++i) add(at[i], of[i]);
  }
}

// to[n, i, ...] = b[i], or 0.
template <class T>
void begin_with(T* to, const T* b, int64_t batch, int64_t channels, int64_t volume,
                const ImageLayout& l) {
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t i = 0; i < channels; ++i)
      for (int64_t p = 0; p < volume; ++p)
        to[n * channels * volume + i * l.channel + p * l.position] = b ? b[i] : T(0);
}

template <class T>
void conv_output(const ConvShape& s, const T* x, const T* w, const T* b, T* y) {
  begin_with(y, b, s.batch, s.groups * s.outputs, s.volume(s.out), s.y_layout());
  each_product(s, [&](const Run& i, int64_t j, const Run& k, int64_t n) {
    add_products(y, k, x, i, w[j], n);
  });
}
template <class T>
void conv_input(const ConvShape& s, const T* y, const T* w, const T* b, T* x) {
  begin_with(x, b, s.batch, s.groups * s.channels, s.volume(s.in), s.x_layout());
  each_product(s, [&](const Run& i, int64_t j, const Run& k, int64_t n) {
    add_products(x, i, y, k, w[j], n);
  });
}
template <class T>
void conv_weight(const ConvShape& s, const T* x, const T* y, T* w) {
  const int64_t rows = s.groups * s.outputs;
  std::fill_n(w, rows * s.channels * s.volume(s.kernel), T(0));
  each_product(s, [&](const Run& i, int64_t j, const Run& k, int64_t n) {
    for (int64_t m = 0; m < n; ++m) add_products(w, {j, 1}, x, {i[m], 1}, y[k[m]], 1);
  });
}

// What becomes of sums z, a number at a time.
template <class T>
void finish(const ConvEpilogue<T>& e, int64_t channels, int64_t volume, int64_t n, const T* z,
            T* y) {
  for (int64_t i = 0; i < n; ++i) {
    T h = z[i];
    if (e.sums) e.sums[i] = h;
    if (e.maps) e.maps[i / volume % channels].run(&h, &h, 1);
    const void* in[] = {&h, e.other ? e.other + i : nullptr};
    if (e.combine.kernel) e.combine.kernel(&h, in, 1, e.combine.params);
    if (e.combined) e.combined[i] = h;
    if (e.activation.kernel) e.activation.kernel(&h, in, 1, e.activation.params);
    y[i] = h;
  }
}

}  // namespace wengert::naive
