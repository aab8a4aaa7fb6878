// Largest elements of windows. What a gradient needs of a window is the number of its tap, a byte;
// places in planes are found where they are asked for.
#include "wengert/ops/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

constexpr Signature kMaxPool =
    "(input: Tensor, kernel_size: ints, stride: ints | None = None, padding: ints = 0, dilation: "
    "ints = 1, ceil_mode: bool = False) -> Tensor";
constexpr Signature kMaxPoolIndices =
    "(input: Tensor, kernel_size: ints, stride: ints | None = None, padding: ints = 0, dilation: "
    "ints = 1, ceil_mode: bool = False) -> tuple[Tensor, Tensor]";
constexpr Signature kMaxPoolEither =
    "(input: Tensor, kernel_size: ints, stride: ints | None = None, padding: ints = 0, dilation: "
    "ints = 1, ceil_mode: bool = False, return_indices: bool = False) -> Tensor";
constexpr int kKernel = attribute("kernel_size", kMaxPool, kMaxPoolIndices, kMaxPoolEither);
constexpr int kStride = attribute("stride", kMaxPool, kMaxPoolIndices, kMaxPoolEither);
constexpr int kPadding = attribute("padding", kMaxPool, kMaxPoolIndices, kMaxPoolEither);
constexpr int kDilation = attribute("dilation", kMaxPool, kMaxPoolIndices, kMaxPoolEither);
constexpr int kCeil = attribute("ceil_mode", kMaxPool, kMaxPoolIndices, kMaxPoolEither);

Windows windows_of(const Dims& shape, const Attrs& a, int n) {
  Windows w;
  read_kernel(a.ints(kKernel), ints_or_none(a, kStride), a.ints(kPadding), a.ints(kDilation), n, w);
  check_kernel(w, n);
  read_input(shape, n, w);
  count_windows(w, n, a.flag(kCeil));
  return w;
}

// The number of dimensions of images whose channels may lie last, of windows in n.
constexpr int images_of(int n) { return n == 1 ? 0 : n + 2; }

extern const Op max_values_op;

// Positions are for gradients. A program has them in any case: it does not ask who wants which.
bool wants_positions(const Tensor& x) { return watch() || (grad_enabled() && x.requires_grad()); }

void values_shape(Call& c) {
  const Dims shape = c.in(0).shape();
  const Windows w = windows_of(shape, c.attrs, 1);
  floating_input(c);
  const Dtype dtype = c.in(0).dtype();
  const Dims pooled = pooled_shape(shape, w, 1);
  arrange_alike(c, 0, images_of(1));
  c.output(dtype, pooled);
}

// y_o = max of x over window o
constinit const Op max_values_op{.name = "_max_pool1d_values",
                                 .signature = kMaxPool,
                                 .on = 0,
                                 .doc = "max_pool1d() where no gradient is wanted.",
                                 .checked = true,
                                 .shape = values_shape,
                                 .run = [](Call& c) {
                                   const Tensor& x = c.in(0);
                                   if (c.out[0].numel() == 0) return;
                                   max_pool_rows(windows_of(x.shape(), c.attrs, 1), x.dtype(),
                                                 x.data(), c.out[0].data());
                                 }};

template <int n, bool kIndices>
void max_shape(Call& c) {
  const Tensor& x = c.in(0);
  if (n == 1 && !kIndices && !wants_positions(x)) {
    c.become(max_values_op);
    return values_shape(c);
  }
  const Windows w = windows_of(x.shape(), c.attrs, n);
  check(x.dtype() != Dtype::kBool, ErrorKind::kNotImplemented, "not implemented for dtype bool");
  if (n == 1 && !kIndices) floating_input(c);
  const Dims shape = pooled_shape(x.shape(), w, n);
  const bool last = arrange_alike(c, 0, images_of(n));
  output_images(c, x.dtype(), shape, last);
  output_images(c, kIndices ? Dtype::kInt64 : position_dtype(w.taps()), shape, last);
}

template <int n, bool kIndices>
void max_run(Call& c) {
  const Tensor &x = c.in(0), &y = c.out[0], &places = c.out[1];
  if (y.numel() == 0) return;
  const Windows w = windows_of(x.shape(), c.attrs, n);
  if (has_channels_last(c, 0, images_of(n))) {
    const LastWindows last = with_channels(w, x.shape()[1]);
    kIndices ? max_pool_indices_last(last, x.dtype(), x.data(), y.data(), places.data_as<int64_t>())
             : max_pool_last(last, x.dtype(), x.data(), y.data(), places.data());
    return;
  }
  if (kIndices)
    max_pool_indices(w, x.dtype(), x.data(), y.data(), places.data_as<int64_t>());
  else
    max_pool(w, x.dtype(), x.data(), y.data(), places.data());
}

// ---- the gradient

constexpr Signature kBackward =
    "(grad: Tensor, positions: Tensor, size: ints, kernel_size: ints, stride: ints, padding: ints, "
    "dilation: ints) -> Tensor";
constexpr Signature kTake =
    "(input: Tensor, positions: Tensor, size: ints, kernel_size: ints, stride: ints, padding: "
    "ints, dilation: ints) -> Tensor";
constexpr int kSize = attribute("size", kBackward, kTake);

// The windows of a gradient or of what is taken: `size` is the pooled tensor's, `pooled` theirs.
Windows given_windows(const Attrs& a, const Dims& pooled) {
  const Dims size = a.dims(kSize);
  const int n = static_cast<int>(a.ints(attribute("kernel_size", kBackward, kTake)).size());
  check(n >= 1 && n <= 3 && size.size() > n && pooled.size() == size.size(),
        "a size of as many dimensions as the positions have expected, got ", size);
  Windows w;
  read_planes(pooled, n, w);
  const int64_t planes = w.planes;
  std::copy(w.in, w.in + 3, w.out);
  for (int64_t s : size) check(s >= 0, "sizes below zero: ", size);
  static_cast<void>(numel(size));
  read_planes(size, n, w);
  check(planes == w.planes, "size ", size, " does not fit windows of shape ", pooled);
  read_kernel(a.ints(attribute("kernel_size", kBackward, kTake)),
              a.ints(attribute("stride", kBackward, kTake)),
              a.ints(attribute("padding", kBackward, kTake)),
              a.ints(attribute("dilation", kBackward, kTake)), n, w);
  for (int d = 0; d < 3; ++d)
    check(w.kernel[d] > 0 && w.stride[d] > 0 && w.dilation[d] > 0 && w.pad[d] >= 0,
          "windows without extent");
  check_extent(w);
  return w;
}

int given_images(const Attrs& a) {
  return images_of(static_cast<int>(a.ints(attribute("kernel_size", kBackward, kTake)).size()));
}

void check_positions(const Call& c, const Windows& w) {
  floating_input(c);
  check(c.in(1).dtype() == position_dtype(w.taps()), "positions of dtype ",
        position_dtype(w.taps()), " expected, got ", c.in(1).dtype());
}

extern const Op max_pool_take_op;

// dx_i = sum of g over the windows whose largest element is i      linear in g: dg = h at the
// positions
constinit const Op max_pool_backward_op{
    .name = "_max_pool_backward",
    .signature = kBackward,
    .on = 0,
    .doc =
        "The gradient of max_pool1d(), 2d and 3d, of shape `size`: `positions` are the numbers of "
        "the taps that were largest, counted in the window.",
    .checked = true,
    .shape =
        [](Call& c) {
          check(c.in(0).shape() == c.in(1).shape(),
                "grad and positions differ in shape: ", c.in(0).shape(), " and ", c.in(1).shape());
          check_positions(c, given_windows(c.attrs, c.in(0).shape()));
          const bool last = arrange_alike(c, 1, given_images(c.attrs));
          output_images(c, c.in(0).dtype(), c.attrs.dims(kSize), last);
        },
    .run =
        [](Call& c) {
          const Tensor& g = c.in(0);
          if (c.out[0].numel() == 0) return;
          const Windows w = given_windows(c.attrs, g.shape());
          if (has_channels_last(c, 1, given_images(c.attrs)))
            return max_pool_backward_last(with_channels(w, g.shape()[1]), g.dtype(), g.data(),
                                          c.in(1).data(), c.out[0].data());
          max_pool_backward(w, g.dtype(), g.data(), c.in(1).data(), c.out[0].data());
        },
    .vjp = [](Vjp& v) { v.set(0, apply(max_pool_take_op, {v.g(), v.x(1)}, v.attrs())); },
    .reads = kOther};

// y_o = x at the position of window o      dx_i = sum of g over the windows whose position is i
constinit const Op max_pool_take_op{
    .name = "_max_pool_take",
    .signature = kTake,
    .on = 0,
    .doc = "The elements of an input of shape `size` at the positions in their windows.",
    .checked = true,
    .shape =
        [](Call& c) {
          check(c.in(0).shape() == c.attrs.ints(kSize), "an input of shape ", c.attrs.ints(kSize),
                " expected, got ", c.in(0).shape());
          check_positions(c, given_windows(c.attrs, c.in(1).shape()));
          check(c.in(0).numel() > 0 || c.in(1).numel() == 0, "nothing to take from");
          const bool last = arrange_alike(c, 1, given_images(c.attrs));
          output_images(c, c.in(0).dtype(), c.in(1).shape(), last);
        },
    .run =
        [](Call& c) {
          const Tensor& x = c.in(0);
          if (c.out[0].numel() == 0) return;
          const Windows w = given_windows(c.attrs, c.in(1).shape());
          if (has_channels_last(c, 1, given_images(c.attrs)))
            return pool_take_last(with_channels(w, x.shape()[1]), x.dtype(), x.data(),
                                  c.in(1).data(), c.out[0].data());
          pool_take(w, x.dtype(), x.data(), c.in(1).data(), c.out[0].data());
        },
    .vjp = [](Vjp& v) { v.set(0, apply(max_pool_backward_op, {v.g(), v.x(1)}, v.attrs())); },
    .reads = kOther};

template <int n>
void max_vjp(Vjp& v) {
  const Dims shape = v.shape(0);
  const Windows w = windows_of(shape, v.attrs(), n);
  v.set(0, apply(max_pool_backward_op, {v.g(), v.y(1)},
                 Attrs(shape, last(w.kernel, n), last(w.stride, n), last(w.pad, n),
                       last(w.dilation, n))));
}

template <int n>
constexpr Op max_pool_row(const char* name, uint32_t on) {
  Op op{.name = name, .signature = kMaxPool, .on = on};
  op.doc =
      "The largest element of each window of the last dimensions; of NaNs the last. `stride` is "
      "kernel_size unless given; windows reach `padding` positions beyond either end, at most half "
      "their extent, where nothing is chosen. `dilation` is the distance of their elements. The "
      "output has floor((n + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1) positions "
      "for n, with `ceil_mode` rounded up where the last window begins before the end. Input with "
      "channels, and batched or not. RuntimeError if no window fits.";
  op.shape = max_shape<n, false>;
  op.run = max_run<n, false>;
  op.vjp = max_vjp<n>;
  op.reads = reads_output(1);
  return op;
}

template <int n>
void indices_vjp(Vjp& v) {
  if (v.has_g(0)) v.set(0, scatter_in_planes(v.g(), v.y(1), v.shape(0), n));
}

template <int n>
constexpr Op max_pool_indices_row(const char* name, uint32_t on) {
  Op op{.name = name, .signature = kMaxPoolIndices, .on = on};
  op.doc =
      "Max pooling, and where each largest element lies in its plane, counted in row-major order, "
      "int64; of equal ones the first. For max_unpool.";
  op.shape = max_shape<n, true>;
  op.run = max_run<n, true>;
  op.vjp = indices_vjp<n>;
  op.reads = reads_output(1);
  return op;
}

// ---- the rows of each number of dimensions

// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op max_pool1d_op = max_pool_row<1>("max_pool1d", kModule | kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op max_pool2d_op = max_pool_row<2>("max_pool2d", kModule | kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op max_pool3d_op = max_pool_row<3>("max_pool3d", kModule | kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op max_pool1d_with_indices_op =
    max_pool_indices_row<1>("max_pool1d_with_indices", kModule | kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op max_pool2d_with_indices_op =
    max_pool_indices_row<2>("max_pool2d_with_indices", kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op max_pool3d_with_indices_op =
    max_pool_indices_row<3>("max_pool3d_with_indices", kFunctional);

Attrs without_last(const Attrs& from) {
  Attrs a;
  for (int i = 0; i <= kCeil; ++i) a.add_from(from, i);
  return a;
}

template <const Op& values, const Op& both>
void max_either(Call& c) {
  const bool indices = c.attrs.flag(kMaxPoolEither["return_indices"]);
  Call inner(indices ? both : values, without_last(c.attrs));
  inner.add_input(c.in(0));
  apply(inner);
  c.results.push_back(inner.out[0]);
  if (indices) c.results.push_back(inner.out[1]);
}

template <const Op& values, const Op& both>
constexpr Op max_either_row(const char* name) {
  Op op{.name = name, .signature = kMaxPoolEither, .on = kFunctional};
  op.doc = "Max pooling; with `return_indices` the indices as well, in a tuple.";
  op.composed = max_either<values, both>;
  return op;
}
// y_o = max of x over window o
constinit const Op max_pool1d_either_op =
    max_either_row<max_pool1d_op, max_pool1d_with_indices_op>("max_pool1d");
// y_o = max of x over window o
constinit const Op max_pool2d_either_op =
    max_either_row<max_pool2d_op, max_pool2d_with_indices_op>("max_pool2d");
// y_o = max of x over window o
constinit const Op max_pool3d_either_op =
    max_either_row<max_pool3d_op, max_pool3d_with_indices_op>("max_pool3d");

Tensor pooled(const Op& op, const Tensor& x, Ints kernel, Ints stride, Ints padding, Ints dilation,
              bool ceil_mode) {
  return apply(op, {x}, Attrs(kernel, stride, padding, dilation, ceil_mode));
}

}  // namespace

Tensor max_pool1d(const Tensor& x, Ints kernel, Ints stride, Ints padding, Ints dilation,
                  bool ceil_mode) {
  return pooled(max_pool1d_op, x, kernel, stride, padding, dilation, ceil_mode);
}
Tensor max_pool2d(const Tensor& x, Ints kernel, Ints stride, Ints padding, Ints dilation,
                  bool ceil_mode) {
  return pooled(max_pool2d_op, x, kernel, stride, padding, dilation, ceil_mode);
}
Tensor max_pool3d(const Tensor& x, Ints kernel, Ints stride, Ints padding, Ints dilation,
                  bool ceil_mode) {
  return pooled(max_pool3d_op, x, kernel, stride, padding, dilation, ceil_mode);
}

namespace {
const Op* const kOps[] = {&max_pool1d_op,
                          &max_pool2d_op,
                          &max_pool3d_op,
                          &max_pool1d_either_op,
                          &max_pool2d_either_op,
                          &max_pool3d_either_op,
                          &max_pool1d_with_indices_op,
                          &max_pool2d_with_indices_op,
                          &max_pool3d_with_indices_op,
                          &max_values_op,
                          &max_pool_backward_op,
                          &max_pool_take_op};
}
std::span<const Op* const> max_pool_ops() { return kOps; }

}  // namespace wengert
