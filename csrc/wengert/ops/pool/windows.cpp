#include "wengert/ops/pool/windows.h"

#include "wengert/ops/index/key.h"

namespace wengert::pooling {
namespace {

constexpr int64_t kMostSize = (int64_t{1} << 31) - 1;

const char* number_word(int n) { return n == 1 ? "one int" : n == 2 ? "two ints" : "three ints"; }

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

}  // namespace

void read_sizes(Ints from, int n, const char* what, int64_t* to, bool list_of_one) {
  check((from.size() == 1 && list_of_one) || static_cast<int>(from.size()) == n, what,
        " must either be a single int, or a tuple of ", number_word(n), ", got ", from);
  for (int d = 0; d < n; ++d) to[3 - n + d] = from.size() == 1 ? from[0] : from[d];
  for (int d = 3 - n; d < 3; ++d)
    check(to[d] >= -kMostSize && to[d] <= kMostSize, what, " is out of range: ", from);
}

void read_planes(const Dims& shape, int n, Windows& w) {
  w.planes = 1;
  for (int d = 0; d < shape.size() - n; ++d) w.planes *= shape[d];
  for (int d = 0; d < n; ++d) w.in[3 - n + d] = shape[shape.size() - n + d];
}

void read_input(const Dims& shape, int n, Windows& w) {
  const int ndim = shape.size();
  check(ndim == n + 1 || ndim == n + 2, "non-empty ", n + 1, "D or ", n + 2,
        "D (batch mode) tensor expected for input, got shape ", shape);
  for (int d = ndim == n + 2 ? 1 : 0; d < ndim; ++d)
    check(shape[d] != 0, "Expected ", n + 1, "D or ", n + 2,
          "D (batch mode) tensor with optional 0 dim batch size for input, but got: ", shape);
  read_planes(shape, n, w);
}

void read_kernel(Ints kernel, Ints stride, Ints padding, Ints dilation, int n, Windows& w) {
  read_sizes(kernel, n, "kernel_size", w.kernel);
  read_sizes(stride.empty() ? kernel : stride, n, "stride", w.stride);
  read_sizes(padding, n, "padding", w.pad);
  read_sizes(dilation, n, "dilation", w.dilation);
}

void check_kernel(const Windows& w, int n) {
  for (int d = 3 - n; d < 3; ++d) {
    check(w.kernel[d] > 0, "kernel size should be greater than zero, but got ", last(w.kernel, n));
    check(w.stride[d] != 0, "stride should not be zero");
    check(w.stride[d] > 0, "stride should be greater than zero, but got ", last(w.stride, n));
    check(w.dilation[d] > 0, "dilation should be greater than zero, but got ", last(w.dilation, n));
    check(w.pad[d] >= 0, "pad must be non-negative, but got pad: ", w.pad[d]);
    check(w.pad[d] <= w.reach(d) / 2,
          "pad should be at most half of effective kernel size, but got pad=", w.pad[d],
          ", kernel_size=", w.kernel[d], " and dilation=", w.dilation[d]);
  }
}

void count_windows(Windows& w, int n, bool ceil_mode) {
  for (int d = 3 - n; d < 3; ++d) {
    const int64_t space = w.in[d] + 2 * w.pad[d] - w.reach(d) + (ceil_mode ? w.stride[d] - 1 : 0);
    w.out[d] = floor_div(space, w.stride[d]) + 1;
    // The last window begins within the input or the padding before it.
    if (ceil_mode && (w.out[d] - 1) * w.stride[d] >= w.in[d] + w.pad[d]) --w.out[d];
  }
  for (int d = 3 - n; d < 3; ++d)
    check(w.out[d] >= 1, "Given input size: ", last(w.in, n),
          ". Calculated output size: ", last(w.out, n), ". Output size is too small");
  check_extent(w);
}

void check_extent(const Windows& w) {
  double taps = 1, space = static_cast<double>(w.kernel[0]);
  for (int d = 0; d < 3; ++d) taps *= static_cast<double>(w.kernel[d]);
  for (int d = 1; d < 3; ++d) space *= static_cast<double>(w.in[d] + w.out[d] + w.reach(d));
  check(taps < 0x1p31 && space < 0x1p40, "windows of kernel_size ", last(w.kernel, 3),
        " and dilation ", last(w.dilation, 3), " are too large");
}

Dims pooled_shape(const Dims& shape, const Windows& w, int n) {
  Dims out = shape;
  for (int d = 0; d < n; ++d) out[shape.size() - n + d] = w.out[3 - n + d];
  return out;
}

void floating_input(const Call& c, int i) {
  check(is_floating(c.in(i).dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        c.in(i).dtype());
}

Tensor scatter_in_planes(const Tensor& g, const Tensor& indices, const Dims& shape, int n) {
  const int first = shape.size() - n;
  const Tensor flat = flatten(g, first);
  Dims to = flat.shape();
  to[first] = 1;
  for (int d = first; d < shape.size(); ++d) to[first] *= shape[d];
  return reshape(gather_backward(flat, flatten(indices, first), to, first), shape);
}

}  // namespace wengert::pooling
