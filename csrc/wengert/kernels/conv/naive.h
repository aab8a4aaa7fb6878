// What convolutions compute, in plain loops; for integers it is what runs.
#pragma once

#include <algorithm>
#include <type_traits>

#include "wengert/kernels/conv/conv.h"

namespace wengert::naive {

// f(x, w, y) with the positions of one product of x and w that is added to y.
template <class F>
void each_product(const ConvShape& s, const F& f) {
  int64_t p[3], k[3], q[3];
  const auto inside = [&] {
    for (int d = 0; d < 3; ++d) {
      q[d] = p[d] * s.stride[d] - s.pad[d] + k[d] * s.dilation[d];
      if (q[d] < 0 || q[d] >= s.in[d]) return false;
    }
    return true;
  };
  const auto flat = [](const int64_t* i, const int64_t* n, const ImageLayout& l) {
    return ((i[0] * n[1] + i[1]) * n[2] + i[2]) * l.position;
  };
  const auto at_taps = [&](int64_t x, int64_t w, int64_t y) {
    for (k[0] = 0; k[0] < s.kernel[0]; ++k[0])
      for (k[1] = 0; k[1] < s.kernel[1]; ++k[1])
        for (k[2] = 0; k[2] < s.kernel[2]; ++k[2])
          if (inside()) f(x + flat(q, s.in, s.x_layout()), w + flat(k, s.kernel, s.w_layout()), y);
  };
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t g = 0; g < s.groups; ++g)
      for (int64_t o = 0; o < s.outputs; ++o)
        for (int64_t c = 0; c < s.channels; ++c) {
          const int64_t row = g * s.outputs + o;
          const int64_t x = n * s.groups * s.channels * s.volume(s.in) +
                            (g * s.channels + c) * s.x_layout().channel;
          const int64_t w = row * s.channels * s.volume(s.kernel) + c * s.w_layout().channel;
          const int64_t y = n * s.groups * s.outputs * s.volume(s.out) + row * s.y_layout().channel;
          for (p[0] = 0; p[0] < s.out[0]; ++p[0])
            for (p[1] = 0; p[1] < s.out[1]; ++p[1])
              for (p[2] = 0; p[2] < s.out[2]; ++p[2])
                at_taps(x, w, y + flat(p, s.out, s.y_layout()));
        }
}

// Integers are added as unsigned ones, which wrap around.
template <class T>
T product(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) return a * b;
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
template <class T>
void accumulate(T& to, T by) {
  if constexpr (std::is_floating_point_v<T>)
    to += by;
  else
    to = static_cast<T>(static_cast<uint64_t>(to) + static_cast<uint64_t>(by));
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
  each_product(s, [&](int64_t i, int64_t j, int64_t k) { accumulate(y[k], product(x[i], w[j])); });
}
template <class T>
void conv_input(const ConvShape& s, const T* y, const T* w, const T* b, T* x) {
  begin_with(x, b, s.batch, s.groups * s.channels, s.volume(s.in), s.x_layout());
  each_product(s, [&](int64_t i, int64_t j, int64_t k) { accumulate(x[i], product(y[k], w[j])); });
}
template <class T>
void conv_weight(const ConvShape& s, const T* x, const T* y, T* w) {
  const int64_t rows = s.groups * s.outputs;
  std::fill_n(w, rows * s.channels * s.volume(s.kernel), T(0));
  each_product(s, [&](int64_t i, int64_t j, int64_t k) { accumulate(w[j], product(x[i], y[k])); });
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
