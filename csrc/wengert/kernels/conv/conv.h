// Convolutions in three spatial dimensions (fewer are sizes of 1): the output, and the gradients of
// the input and of the weight. See gather.h and weight.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "wengert/kernels/core/pointwise.h"
#include "wengert/kernels/core/ways.h"
#include "wengert/kernels/norm/channel_map.h"

namespace wengert {

// Of one image or one row of a weight: how far apart channels lie, and positions.
struct ImageLayout {
  int64_t channel, position;
};

// y[n, g, o, p] = b[g, o] + sum over c, k of w[g, o, c, k] x[n, g, c, p stride - pad + k dilation],
// for positions p of `out` and k of `kernel`; outside of it x is 0. What is `pad` behind x follows
// from `out`, which may be any size: 'same' with an even kernel has one more there.
struct ConvShape {
  int64_t batch, groups;
  int64_t channels, outputs;  // of x and y in a group
  int64_t in[3], out[3], kernel[3];
  int64_t stride[3], pad[3], dilation[3];
  // Whether channels lie last in memory (NHWC), behind the positions or taps.
  bool x_last = false, y_last = false, w_last = false;

  static int64_t volume(const int64_t (&n)[3]) { return n[0] * n[1] * n[2]; }
  // Multiply-adds, of padding too.
  int64_t work() const {
    return batch * groups * channels * outputs * volume(out) * volume(kernel);
  }
  ImageLayout x_layout() const { return layout(x_last, groups * channels, volume(in)); }
  ImageLayout y_layout() const { return layout(y_last, groups * outputs, volume(out)); }
  ImageLayout w_layout() const { return layout(w_last, channels, volume(kernel)); }

 private:
  static ImageLayout layout(bool last, int64_t channels, int64_t positions) {
    return last ? ImageLayout{1, channels} : ImageLayout{positions, 1};
  }
};

// All in memory without gaps: x (batch, groups * channels, in), w (groups * outputs, channels,
// kernel), y (batch, groups * outputs, out). The order in which one element is summed depends on
// the sizes only, and in most kernels not on the layouts. See Note [channels last].

// What becomes of a result z whose sum is complete, while it is in cache: h = (z - mean) scale +
// shift, then c = combine(h, other), then activation(c), each of which may be left out. Each lies
// in memory as the result does.
template <class T>
struct ConvEpilogue {
  struct Link {
    PointwiseKernel kernel = nullptr;
    const double* params = nullptr;
  };
  const ChannelMap<T>* maps = nullptr;  // of each channel of the result
  Link combine, activation;
  const T* other = nullptr;
  T *sums = nullptr, *combined = nullptr;  // z and c, if wanted beside what becomes of them
};

// y of x and w; b has groups * outputs numbers, or is null.
template <class T>
void conv_output(const ConvShape& s, const T* x, const T* w, const T* b, T* y,
                 const ConvEpilogue<T>& e = {});
// x[n, g, c, q] = b[g, c] + sum over o, k and p with p stride - pad + k dilation = q of
// w[g, o, c, k] y[n, g, o, p]: the gradient of the input, and the transposed convolution.
template <class T>
void conv_input(const ConvShape& s, const T* y, const T* w, const T* b, T* x,
                const ConvEpilogue<T>& e = {});
// w[g, o, c, k] = sum over n, p of y[n, g, o, p] x[n, g, c, p stride - pad + k dilation]: the
// gradient of the weight.
template <class T>
void conv_weight(const ConvShape& s, const T* x, const T* y, T* w);

// What does each of them: see kernels/core/ways.h. All are called as conv_output and conv_input
// are; the gradient of the weight with no bias, and nothing becomes of it.
template <class T>
using ConvWay = Way<bool(const ConvShape&), void(const ConvShape&, const T* a, const T* b,
                                                 const T* bias, T* to, const ConvEpilogue<T>&)>;
template <class T>
std::span<const ConvWay<T>> conv_output_ways();
template <class T>
std::span<const ConvWay<T>> conv_input_ways();
template <class T>
std::span<const ConvWay<T>> conv_weight_ways();

}  // namespace wengert
